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
        {worker.isRemoved ? (
          "Not in the configuration any more"
        ) : shown.word === "quarantined" ? (
          <Rest worker={worker} />
        ) : (
          shown.sentence
        )}
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

const inARow = (nth: number) => (nth > 0 ? ` (${ordinal(nth)} in a row)` : "");

/** Until when it rests, how often in a row it had to, and for what: that may be long. */
function Rest({ worker }: { worker: WorkerRow }) {
  const { quarantinedUntil: until, quarantineCount: nth, quarantineReason: reason } = worker;
  return (
    <>
      It rests
      {until === null ? null : (
        <>
          {" "}
          until <Clock at={until} />
          {inARow(nth)}, back <Countdown to={until} />,
        </>
      )}{" "}
      after a fault{reason ? `: ${reason}` : ""}
    </>
  );
}

/** The same while it is away or paused. */
function Quarantine({ worker }: { worker: WorkerRow }) {
  const { quarantinedUntil: until, quarantineCount: nth } = worker;
  if (until === null || worker.shown.word === "quarantined") return null;
  return (
    <>
      ; rests until <Clock at={until} />
      {inARow(nth)}
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
