"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { useLive } from "@/app/_client/live";
import { comingPages } from "@/app/_client/pages";
import { useTRPC } from "@/app/_client/trpc";
import { type StateName, StatusIcon } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Button } from "@/app/_ui/button";
import { Problem } from "@/app/_ui/problem";
import { Ago, Moment } from "@/app/_ui/time";
import { type WorkerEventKind, workerEventTitle } from "@/server/domain/workers/history";

const LOOKS: Readonly<Record<WorkerEventKind, StateName>> = {
  connected: "idle",
  disconnected: "offline",
  refused: "failure",
  paused: "paused",
  unpaused: "idle",
  draining: "draining",
  killed: "cancelled",
  quarantined: "quarantined",
  released: "idle",
  missing: "exception",
  back: "idle",
  notified: "pending",
  "not-notified": "warnings",
  "machine-wanted": "pending",
  "machine-failed": "exception",
  "machine-stopped": "offline",
};
const looks: Readonly<Record<string, StateName | undefined>> = LOOKS;

/** Every change of how it stands, newest first: what, why, by whom, when. */
export function HistoryPart(props: { workerId: number }) {
  const org = useOrg();
  const trpc = useTRPC();
  const query = trpc.workers.history.infiniteQueryOptions(
    { org: org.slug, workerId: props.workerId },
    comingPages,
  );
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(query);
  useLive([`worker:${props.workerId}`], [query.queryKey]);
  if (error) return <Problem error={error} />;
  if (!data) return <div className="skeleton h-40" aria-hidden="true" />;
  const events = data.pages.flatMap((page) => page.events);
  if (events.length === 0) {
    return (
      <p className="text-muted">
        Nothing has happened to it yet. Each connection, pause, quarantine and loss will stand here,
        with its reason and who it was.
      </p>
    );
  }
  return (
    <>
      <ol aria-label="History" className="max-w-4xl">
        {events.map(({ id, at, kind, reason, actor }) => (
          <li
            key={id}
            className="relative flex gap-3 pb-3 not-last:before:absolute not-last:before:top-5 not-last:before:bottom-0 not-last:before:left-[7px] not-last:before:w-px not-last:before:bg-line"
          >
            <span className="flex h-5 items-center">
              <StatusIcon state={looks[kind] ?? "pending"} />
            </span>
            <div className="min-w-0 flex-1">
              <p className="flex flex-wrap items-baseline gap-x-3">
                <span className="font-medium">{workerEventTitle(kind)}</span>
                <span className="text-muted">
                  by {actor === "worker" ? "the worker" : actor}, <Ago at={at} />
                </span>
                <span className="ml-auto text-xs text-muted max-sm:hidden">
                  <Moment at={at} />
                </span>
              </p>
              {reason === "" ? null : <p className="break-words text-muted">{reason}</p>}
            </div>
          </li>
        ))}
      </ol>
      {hasNextPage ? (
        <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {isFetchingNextPage ? "Loading" : "Older"}
        </Button>
      ) : null}
    </>
  );
}
