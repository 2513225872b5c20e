"use client";

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/app/_client/trpc";
import { StatusIcon } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { CommandLine } from "@/app/_ui/copy";
import { Segments } from "@/app/_ui/segments";
import type { Connection } from "@/server/api/workers/connection";
import { doorChecks } from "./checks";
import type { Protocol } from "./recipes";

const PROTOCOLS = [
  { id: "pb", label: "Perspective Broker" },
  { id: "msgpack", label: "msgpack" },
] as const;

/** Lines to try on the worker's machine, in order, and what each answer means. */
export function DoorChecks(props: { workerId: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const { data: connection } = useQuery(
    trpc.workers.connection.queryOptions({ org: org.slug, workerId: props.workerId }),
  );
  if (!connection) return <div className="skeleton h-40" aria-hidden="true" />;
  return <Checks connection={connection} />;
}

export function Checks({ connection }: { connection: Connection }) {
  const [wished, wish] = useState<Protocol>("pb");
  const open = PROTOCOLS.filter(
    ({ id }) => (id === "pb" ? connection.pbPort : connection.msgpackPort) !== null,
  );
  const protocol = open.find(({ id }) => id === wished)?.id ?? open[0]?.id;
  if (protocol === undefined) return <p className="text-muted">No door is open to be tried.</p>;
  return (
    <div className="space-y-3">
      {open.length > 1 ? (
        <Segments label="Door" options={open} value={protocol} onChange={wish} />
      ) : null}
      <ol className="space-y-4">
        {doorChecks({ connection, protocol }).map(({ layer, command, answers }, index) => (
          <li key={layer} className="space-y-1.5">
            <p className="font-medium">
              {index + 1}. {layer}
            </p>
            <CommandLine text={command} label={`Copy the command for ${layer.toLowerCase()}`} />
            <ul className="space-y-0.5 text-xs">
              {answers.map(({ sees, means, isGood }) => (
                <li key={sees} className="flex gap-2">
                  <span className="flex h-4 items-center">
                    <StatusIcon
                      state={isGood ? "success" : "failure"}
                      size={12}
                      label={isGood ? "good" : "it fails here"}
                    />
                  </span>
                  <span className="text-muted">
                    <code className="num text-fg">{sees}</code>: {means}
                  </span>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ol>
    </div>
  );
}
