"use client";

import Link from "next/link";
import { ordinal } from "@/app/_client/format";
import { routes } from "@/app/_client/navigation";
import { Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Ago, Clock, Countdown } from "@/app/_ui/time";
import type { WorkerRow } from "@/server/api/workers/row";
import { outlookOf } from "@/server/domain/workers/outlook";

/** The word, and the sentence with its times: until when, since when. */
export function WorkerState(props: { worker: WorkerRow; isWordElsewhere?: boolean }) {
  const { worker } = props;
  const { shown } = worker;
  const org = useOrg();
  return (
    <span>
      {props.isWordElsewhere ? null : (
        <span className="mr-2.5 inline-flex align-bottom">
          <Status state={shown.word} />
        </span>
      )}
      <span className="text-muted">
        {worker.isRemoved ? "Not in the configuration any more" : shown.sentence}
        <Times worker={worker} />
        <Quarantine worker={worker} />
        <Next worker={worker} />
      </span>
      {worker.running.map((build) => (
        <Link
          key={build.id}
          href={routes.build(org.slug, build.builderId, build.number)}
          prefetch={false}
          className="ml-2.5 inline-block hover:underline"
        >
          {build.builder} <span className="num text-muted">#{build.number}</span>
        </Link>
      ))}
    </span>
  );
}

/** Until when it rests, and how often in a row it had to. Also while it is away or paused. */
function Quarantine({ worker }: { worker: WorkerRow }) {
  const { quarantinedUntil: until, quarantineCount: nth } = worker;
  if (until === null) return null;
  const inARow = nth > 0 ? ` (${ordinal(nth)} in a row)` : null;
  if (worker.shown.word !== "quarantined") {
    return (
      <>
        ; rests until <Clock at={until} />
        {inARow}
      </>
    );
  }
  return (
    <>
      , until <Clock at={until} />
      {inARow}, back <Countdown to={until} />
    </>
  );
}

/** Of a latent worker: what becomes of its machine, and when. */
function Next({ worker }: { worker: WorkerRow }) {
  const org = useOrg();
  const { latent, latentState, isConnected, buildCount } = worker;
  if (!latent || !latentState || worker.isRemoved) return null;
  const next = outlookOf({ ...latent, state: latentState, isConnected, buildCount });
  return (
    <>
      {latent.instanceId === null ? null : (
        <>
          {" "}
          (
          <Link
            className="link"
            href={routes.instance(org.slug, latent.instanceId)}
            prefetch={false}
          >
            machine {latent.generation}
          </Link>
          )
        </>
      )}
      {next === null ? null : (
        <>
          ; {next.what}
          {next.at === null ? null : (
            <>
              {" "}
              <Countdown to={next.at} />
            </>
          )}
        </>
      )}
    </>
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
      return worker.lastSeenAt === null || worker.latent !== null ? null : (
        <>
          , seen <Ago at={worker.lastSeenAt} />
          {worker.missingAt === null ? null : (
            <>
              ; counts as missing <Countdown to={worker.missingAt} />
            </>
          )}
        </>
      );
    default:
      return null;
  }
}
