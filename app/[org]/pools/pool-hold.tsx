"use client";

import { Ago, Clock, Countdown, useNow } from "@/app/_ui/time";
import type { PoolHold as Hold } from "@/server/api/pools/row";

/** Why the pool makes no machines whatever waits: a person, or a provider that makes none. */
export function PoolHold({ pool }: { pool: Pick<Hold, "name" | "steering" | "backoff"> }) {
  const { name, steering, backoff } = pool;
  return (
    <>
      {steering ? (
        <p className="mb-4 border-l-2 border-slate pl-3">
          Pool {name}{" "}
          {steering.how === "hold"
            ? "is held: no more machines are made"
            : "is being drained: no more machines, and no more builds on those that are there"}
          , by {steering.by} <Ago at={steering.at} />
          {steering.reason ? `: ${steering.reason}` : ""}
        </p>
      ) : null}
      {backoff ? (
        <p className="mb-4 border-l-2 border-purple pl-3">
          Machines of pool {name} do not start:{" "}
          <span className="break-words">{backoff.reason}</span>
          {/[.?!]$/.test(backoff.reason) ? " " : ". "}
          <Again at={backoff.until} />
        </p>
      ) : null}
    </>
  );
}

/** When a machine is tried again after those that did not start. */
export function Again({ at }: { at: number }) {
  const now = useNow();
  if (now > at) return "One at a time is tried, until one has logged in.";
  return (
    <>
      One is tried again at <Clock at={at} />, <Countdown to={at} />.
    </>
  );
}
