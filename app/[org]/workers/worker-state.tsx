"use client";

import { duration } from "@/app/_client/format";
import { Status } from "@/app/_features/status";
import { Ago, useNow } from "@/app/_ui/time";
import type { WorkerRow } from "@/server/api/workers/row";

/** The word, and the sentence with its times: until when, since when. */
export function WorkerState(props: { worker: WorkerRow; isWordElsewhere?: boolean }) {
  const { worker } = props;
  const { shown } = worker;
  return (
    <span className="flex flex-wrap items-center gap-x-3">
      {props.isWordElsewhere ? null : <Status state={shown.word} />}
      <span className="text-muted">
        {shown.sentence}
        <Times worker={worker} />
      </span>
    </span>
  );
}

function Times({ worker }: { worker: WorkerRow }) {
  switch (worker.shown.word) {
    case "paused":
      return worker.pausedAt === null ? null : (
        <>
          , <Ago at={worker.pausedAt} />
        </>
      );
    case "offline":
      return worker.lastSeenAt === null ? null : (
        <>
          , seen <Ago at={worker.lastSeenAt} />
        </>
      );
    case "quarantined":
      return worker.quarantinedUntil === null ? null : <Countdown to={worker.quarantinedUntil} />;
    default:
      return null;
  }
}

function Countdown({ to }: { to: number }) {
  const now = useNow();
  return (
    <>
      ; back in{" "}
      <span className="num" suppressHydrationWarning>
        {now === 0 ? "…" : duration(Math.max(0, to - now))}
      </span>
    </>
  );
}
