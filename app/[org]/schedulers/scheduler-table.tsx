"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { duration } from "@/app/_client/format";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { isAtLeast } from "@/app/_shell/roles";
import { Problem } from "@/app/_ui/problem";
import { Ago } from "@/app/_ui/time";
import type { SchedulerRow } from "@/server/api/schedulers/list";

export function SchedulerTable({ schedulers }: { schedulers: readonly SchedulerRow[] }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const enable = useMutation(
    trpc.schedulers.enable.mutationOptions({
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.schedulers.list.queryKey() }),
    }),
  );
  const mayEnable = isAtLeast(org.role, "maintainer");
  return (
    <>
      <Problem error={enable.error} />
      <table className="rows">
        <thead className="max-md:sr-only">
          <tr>
            <th>Enabled</th>
            <th>Scheduler</th>
            <th>Builders</th>
            <th>Next</th>
            <th>Last</th>
          </tr>
        </thead>
        <tbody>
          {schedulers.map((scheduler) => (
            <tr
              key={scheduler.id}
              className="align-top *:py-2 max-md:grid max-md:grid-cols-[auto_1fr] max-md:gap-x-3 max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0"
            >
              <td className="max-md:row-span-4">
                <input
                  type="checkbox"
                  role="switch"
                  className="switch"
                  aria-label={`${scheduler.name} is enabled`}
                  aria-checked={scheduler.isEnabled}
                  checked={scheduler.isEnabled}
                  disabled={!mayEnable || enable.isPending}
                  onChange={(event) =>
                    enable.mutate({
                      org: org.slug,
                      schedulerId: scheduler.id,
                      isEnabled: event.currentTarget.checked,
                    })
                  }
                />
              </td>
              <th scope="row" className="font-normal [overflow-wrap:anywhere]">
                <span className="font-semibold">{scheduler.name}</span>
                <span className="block text-xs text-muted">
                  {scheduler.kind}
                  {scheduler.project === null ? "" : ` of ${scheduler.project}`}
                  {scheduler.treeStableTimer
                    ? `, ${duration(scheduler.treeStableTimer * 1000)} of quiet`
                    : ""}
                </span>
                {scheduler.lastError ? (
                  <span className="mt-1 block border-l-2 border-red pl-2 text-red">
                    {scheduler.lastError}
                  </span>
                ) : null}
              </th>
              <td className="[overflow-wrap:anywhere]">{scheduler.builders.join(", ")}</td>
              <td>
                <Next scheduler={scheduler} />
              </td>
              <td className="text-muted">
                <span className="md:hidden">last asked for builds: </span>
                <Ago at={scheduler.firedAt} never="not yet" />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function Next({ scheduler }: { scheduler: SchedulerRow }) {
  const { isEnabled, fireAt, kept, important, kind } = scheduler;
  const waiting = kept === 0 ? "" : `${kept} ${kept === 1 ? "change waits" : "changes wait"}`;
  if (!isEnabled)
    return <span className="text-muted">switched off{waiting && `, ${waiting}`}</span>;
  if (kind === "ForceScheduler") return <span className="text-muted">when a person asks</span>;
  if (fireAt !== null) {
    return (
      <>
        <Ago at={fireAt} />
        <span className="block text-xs text-muted">{waiting}</span>
      </>
    );
  }
  return (
    <span className="text-muted">
      with the next {kept > 0 && important === 0 ? "important " : ""}change
      {waiting ? <span className="block text-xs">{waiting}</span> : null}
    </span>
  );
}
