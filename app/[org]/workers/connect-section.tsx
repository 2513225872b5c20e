"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTRPC } from "@/app/_client/trpc";
import { useIsAtLeast, useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Problem } from "@/app/_ui/problem";
import { ConnectCommands } from "./connect";

/** The commands, with the password while it is known, and a new one when it is not. */
export function ConnectSection(props: { workerId: number; password: string | null }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const mayConfigure = useIsAtLeast("maintainer");
  const renew = useMutation(
    trpc.workers.newPassword.mutationOptions({
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.workers.pathKey() }),
    }),
  );
  const password = renew.data?.password ?? props.password;
  return (
    <div className="space-y-3">
      {password ? (
        <p role="status" className="border-l-2 border-amber pl-3">
          {renew.data
            ? "The password in these lines is new, and shown this once. The old one does not work any more; a connection that lives goes on."
            : "The password in these lines is shown this once; only its sealed form is kept."}
        </p>
      ) : (
        <p className="flex flex-wrap items-center gap-2 text-muted">
          The password was shown when the worker was added.
          {mayConfigure ? (
            <Button
              small
              disabled={renew.isPending}
              onClick={() => renew.mutate({ org: org.slug, workerId: props.workerId })}
            >
              Make a new one
            </Button>
          ) : null}
        </p>
      )}
      <Problem error={renew.error} />
      <ConnectCommands workerId={props.workerId} password={password} />
    </div>
  );
}
