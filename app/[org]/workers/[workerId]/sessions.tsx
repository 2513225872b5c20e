"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { useLive } from "@/app/_client/live";
import { comingPages } from "@/app/_client/pages";
import { useTRPC } from "@/app/_client/trpc";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Ago, Duration } from "@/app/_ui/time";

export function Sessions(props: { workerId: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.sessions.infiniteQueryOptions(
    { org: org.slug, workerId: props.workerId },
    comingPages,
  );
  const { data, hasNextPage, fetchNextPage } = useInfiniteQuery(query);
  useLive([`worker:${props.workerId}`], [query.queryKey]);
  const sessions = data?.pages.flatMap((page) => page.rows) ?? [];
  if (!data) return <div className="skeleton h-24" aria-hidden="true" />;
  if (sessions.length === 0) return <p className="text-muted">It has never connected.</p>;
  return (
    <>
      <table className="rows">
        <thead>
          <tr>
            <th>From</th>
            <th>Since</th>
            <th>Lasted</th>
            <th>How it ended</th>
          </tr>
        </thead>
        <tbody>
          {sessions.map((session) => (
            <tr key={session.id}>
              <td className="num break-all">
                {session.peer} <span className="text-muted">{session.protocol}</span>
              </td>
              <td className="text-muted">
                <Ago at={session.startedAt} />
              </td>
              <td>
                <Duration from={session.startedAt} to={session.endedAt} />
              </td>
              <td className="text-muted">
                {session.endedAt === null ? (
                  <span className="text-fg">it lives</span>
                ) : (
                  (session.endReason ?? "not said")
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {hasNextPage ? (
        <Button small className="mt-2" onClick={() => void fetchNextPage()}>
          Older sessions
        </Button>
      ) : null}
    </>
  );
}
