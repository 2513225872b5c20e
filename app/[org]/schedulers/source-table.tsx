"use client";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTRPC } from "@/app/_client/trpc";
import { StatusIcon } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { isAtLeast } from "@/app/_shell/roles";
import { Button } from "@/app/_ui/button";
import { Problem } from "@/app/_ui/problem";
import { Ago } from "@/app/_ui/time";
import type { ChangeSourceRow } from "@/server/api/schedulers/list";

export function SourceTable({ sources }: { sources: readonly ChangeSourceRow[] }) {
  const org = useOrg();
  const trpc = useTRPC();
  const queries = useQueryClient();
  const poll = useMutation(
    trpc.schedulers.pollNow.mutationOptions({
      onSettled: () => queries.invalidateQueries({ queryKey: trpc.schedulers.list.queryKey() }),
    }),
  );
  const mayPoll = isAtLeast(org.role, "developer");
  return (
    <>
      <Problem error={poll.error} />
      <table className="rows">
        <thead className="max-md:sr-only">
          <tr>
            <th>Source</th>
            <th>Branches</th>
            <th>Last poll</th>
            <th>Next poll</th>
            <th>
              <span className="sr-only">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sources.map((source) => (
            <tr
              key={source.id}
              className="align-top *:py-2 max-md:grid max-md:gap-y-1 max-md:border-b max-md:border-line max-md:py-2 max-md:*:h-auto max-md:*:border-0 max-md:*:p-0"
            >
              <th scope="row" className="font-normal [overflow-wrap:anywhere]">
                <span className="font-semibold">{source.name}</span>
                <span className="block text-xs text-muted">
                  {source.kind}
                  {source.project === null ? "" : ` of ${source.project}`}
                  {source.repository === source.name ? "" : `, ${source.repository}`}
                </span>
                {source.lastError ? (
                  <span className="mt-1 block border-l-2 border-red pl-2 text-red">
                    {source.lastError}
                    {source.failingSince === null ? null : (
                      <span className="block text-xs">
                        since <Ago at={source.failingSince} />
                      </span>
                    )}
                  </span>
                ) : null}
              </th>
              <td>
                <span className="md:hidden">follows </span>
                <span className="num">{source.branches}</span>
                <span className="md:hidden"> {source.branches === 1 ? "branch" : "branches"}</span>
              </td>
              <td className="text-muted">
                <span className="md:hidden">polled </span>
                <Ago at={source.polledAt} never="not yet" />
              </td>
              <td>
                <span className="md:hidden">next </span>
                {source.isPolling ? (
                  <span className="inline-flex items-center gap-1.5">
                    <StatusIcon state="running" /> polling
                  </span>
                ) : (
                  <Ago at={source.fireAt} />
                )}
              </td>
              <td className="md:text-right">
                <Button
                  small
                  disabled={!mayPoll || source.isPolling || poll.isPending}
                  onClick={() => poll.mutate({ org: org.slug, changeSourceId: source.id })}
                >
                  Poll now<span className="sr-only">: {source.name}</span>
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
