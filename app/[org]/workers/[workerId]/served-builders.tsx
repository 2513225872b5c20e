"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { duration } from "@/app/_client/format";
import { useLive } from "@/app/_client/live";
import { routes } from "@/app/_client/navigation";
import { useTRPC } from "@/app/_client/trpc";
import { resultState, Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Problem } from "@/app/_ui/problem";
import { Ago } from "@/app/_ui/time";
import type { WorkerPage } from "@/server/api/workers/one";

/** Builders that name it, with their last build on it. */
export function ServedBuilders({ worker }: { worker: WorkerPage }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.builders.queryOptions({ org: org.slug, workerId: worker.id });
  const { data, error } = useQuery(query);
  useLive([`worker:${worker.id}`, "config"], [query.queryKey], 1_000);
  if (error) return <Problem error={error} />;
  if (!data) return <div className="skeleton h-24" aria-hidden="true" />;
  if (data.length === 0) {
    return (
      <p className="text-muted">
        None: no builder has {worker.name} among its workernames, so nothing is built on it.
      </p>
    );
  }
  return (
    <table className="rows">
      <thead>
        <tr>
          <th>Builder</th>
          <th>Last here</th>
          <th className="max-sm:hidden">When</th>
          <th className="text-right">Took</th>
          <th className="text-right max-sm:hidden" title="The median of what succeeded here">
            Usual
          </th>
        </tr>
      </thead>
      <tbody>
        {data.map(({ id, name, last, usualMs }) => (
          <tr key={id}>
            <th scope="row" className="[overflow-wrap:anywhere]">
              <Link href={routes.builder(org.slug, id)} className="font-semibold hover:underline">
                {name}
              </Link>
            </th>
            <td>
              {last ? (
                <span className="flex flex-wrap items-center gap-x-2">
                  <Status state={resultState(last.result)} />
                  <Link
                    href={routes.build(org.slug, id, last.number)}
                    className="num hover:underline"
                  >
                    #{last.number}
                  </Link>
                </span>
              ) : (
                <span className="text-faint">not lately</span>
              )}
            </td>
            <td className="text-muted max-sm:hidden">
              {last ? <Ago at={last.completeAt} /> : null}
            </td>
            <td className="text-right whitespace-nowrap">{last ? duration(last.tookMs) : ""}</td>
            <td className="text-right whitespace-nowrap text-muted max-sm:hidden">
              {usualMs === null ? "" : duration(usualMs)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
