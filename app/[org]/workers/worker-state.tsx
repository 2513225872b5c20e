"use client";

import Link from "next/link";
import { ordinal } from "@/app/_client/format";
import { routes } from "@/app/_client/navigation";
import { type StateName, Status } from "@/app/_features/status";
import { useOrg } from "@/app/_shell/org";
import { Ago, Clock, Countdown } from "@/app/_ui/time";
import { Timed } from "@/app/_ui/timed";
import type { PoolHold } from "@/server/api/pools/row";
import type { WorkerRow } from "@/server/api/workers/row";
import { outlookOf } from "@/server/domain/workers/outlook";
import { Again } from "../pools/pool-hold";
import { holdOf } from "../pools/pool-state";

/** The word, and the sentence with its times: until when, since when. */
export function WorkerState(props: { worker: WorkerRow; isWordElsewhere?: boolean }) {
  const { worker } = props;
  const { shown } = worker;
  const org = useOrg();
  const [state, word] = lookOf(worker);
  const held = heldPool(worker);
  return (
    <span>
      {props.isWordElsewhere ? null : (
        <span className="mr-2.5 inline-flex align-bottom">
          <Status state={state} word={word} />
        </span>
      )}
      <span className="text-muted">
        {worker.isRemoved ? (
          "Not in the configuration any more"
        ) : shown.word === "quarantined" ? (
          <Rest worker={worker} />
        ) : held ? (
          <Held pool={held} />
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

/** As it is, or as its pool is while that makes no machine for it. */
export function lookOf(worker: WorkerRow): readonly [StateName, string?] {
  const hold = worker.pool && isAtRest(worker) ? holdOf(worker.pool) : null;
  return hold ?? [worker.shown.word];
}

const isAtRest = ({ shown, isRemoved }: WorkerRow) => shown.word === "dormant" && !isRemoved;

/** Of a worker at rest: its pool, if that makes no machines now. */
function heldPool(worker: WorkerRow): PoolHold | null {
  const { pool } = worker;
  if (!pool || !isAtRest(worker)) return null;
  return holdOf(pool) || tightest(pool) ? pool : null;
}

/** That it has as many machines as it may is no reason of a place without one. */
const tightest = ({ limits }: PoolHold) =>
  limits.find(({ room, code }) => room === 0 && code !== "max");

function Held({ pool }: { pool: PoolHold }) {
  const { name, steering, backoff } = pool;
  const limit = tightest(pool);
  const reason = steering?.reason ? `: ${steering.reason}` : "";
  return (
    <>
      It has no machine; its pool {name}{" "}
      {steering ? (
        `is ${steering.how === "hold" ? "held" : "being drained"} by ${steering.by}${reason}`
      ) : backoff ? (
        <>
          backs off: <span className="[overflow-wrap:anywhere]">{backoff.reason}</span>.{" "}
          <Again at={backoff.until} />
        </>
      ) : limit ? (
        <Timed text={limit.sentence} until={limit.until} />
      ) : null}
    </>
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
