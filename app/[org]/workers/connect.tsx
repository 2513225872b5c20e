"use client";

import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { CommandLine } from "@/app/_ui/copy";

/** The commands that connect a worker, ready to copy. The password is filled in when it is known. */
export function ConnectCommands(props: { workerId: number; password: string | null }) {
  const org = useOrg();
  const trpc = useTRPC();
  const { data } = useQuery(
    trpc.workers.connection.queryOptions({ org: org.slug, workerId: props.workerId }),
  );
  if (!data) return null;
  const password = props.password ?? "PASSWORD";
  if (data.pb === null && data.msgpack === null) {
    return <p className="text-amber">Both worker doors of this installation are switched off.</p>;
  }
  const host = data.pb ?? data.msgpack ?? "";
  const dir = data.loginName.replaceAll("/", "-");
  const extra = data.pb === null ? "--protocol=msgpack_experimental_v7 " : "";
  return (
    <div className="space-y-2">
      <p className="text-muted">On the machine, once:</p>
      <CommandLine
        text={`buildbot-worker create-worker ${extra}${dir} ${host} ${data.loginName} ${password}`}
      />
      <p className="text-muted">Then start it, now and at every boot:</p>
      <CommandLine text={`buildbot-worker start ${dir}`} />
      {data.isTls ? (
        <p className="text-xs text-muted">
          The doors speak TLS: give the connection string with --connection-string=SSL:… instead of
          the address.
        </p>
      ) : null}
    </div>
  );
}
