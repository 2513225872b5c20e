import { type Billing, costUntil, type Metered, ranSeconds } from "../../domain/instances";
import type { InstanceState } from "../../domain/latent";
import { ms } from "../sql";

/** What the database says of a machine. Times in milliseconds since the epoch. */
export interface InstanceFacts {
  id: number;
  /** Its name at the provider. */
  key: string;
  workerId: number;
  worker: string;
  /** Whose place the worker is; null: it is one of its own. */
  pool: { id: number; name: string } | null;
  /** Buildbot's class name, which says what drives it: `DockerLatentWorker`. */
  driver: string;
  /** The how manieth machine of its worker, from 1. */
  generation: number;
  state: InstanceState;
  /** Of the state, for a person. */
  reason: string;
  /** Its worker's present machine; false for one that is gone, or that could not be stopped. */
  isCurrent: boolean;
  /** Its worker is logged in now. */
  isConnected: boolean;
  createdAt: number;
  /** The provider said that it makes it; null: it never did, or not yet. */
  answeredAt: number | null;
  /** Its worker logged in. */
  connectedAt: number | null;
  /** It was let go. */
  stoppingAt: number | null;
  goneAt: number | null;
  /** Why it was let go; of one that never came (`isFailed`), the provider's words. */
  endReason: string | null;
  /** Of one that never came: what a person may do about it. */
  endAdvice: string | null;
  /** Its start came to nothing. */
  isFailed: boolean;
  /** Since when the provider lists it no more, while it should. */
  unlistedAt: number | null;
  /** How often it could not be stopped, and what the provider said last. */
  stopTries: number;
  lastError: string | null;
  stopRequestedAt: number | null;
  stopRequestedBy: string | null;
  stopReason: string | null;
  billing: Billing;
  /** Null: nobody said; see the worker's `price_per_hour`. */
  pricePerHour: number | null;
  /** Builds that waited for it or had it. */
  buildCount: number;
  /** Of these, those that have it now. */
  runningBuilds: number;
}

/** The word on screen. */
export type Activity =
  | "requested"
  | "starting"
  | "idle"
  | "building"
  | "stopping"
  | "broken"
  | "gone"
  | "failed";

export interface InstanceRow extends InstanceFacts {
  activity: Activity;
  /** So long it ran, if the provider made it; until now while it lives. */
  seconds: number;
  /** What that cost; null: its price is not known. */
  cost: number | null;
}

export function withCost(facts: InstanceFacts, now: number): InstanceRow {
  const machine = metered(facts);
  return {
    ...facts,
    activity: activityOf(facts),
    seconds: ranSeconds(machine, now),
    cost: costUntil(machine, now),
  };
}

type Times = Pick<
  InstanceFacts,
  "billing" | "pricePerHour" | "createdAt" | "answeredAt" | "connectedAt" | "goneAt"
>;

export const metered = (facts: Times): Metered => ({
  billing: facts.billing,
  pricePerHour: facts.pricePerHour,
  createdAt: facts.createdAt,
  isMade: facts.answeredAt !== null || facts.connectedAt !== null,
  goneAt: facts.goneAt,
});

function activityOf({ state, isFailed, runningBuilds }: InstanceFacts): Activity {
  if (state === "gone" && isFailed) return "failed";
  if (state !== "running") return state;
  return runningBuilds > 0 ? "building" : "idle";
}

/** Machines made to test a driver's settings belong to no worker (0). */
export const TEST_WORKER = "'test of settings'";

export const INSTANCE_COLUMNS = `
  i.id, i.key, i.worker_id as "workerId", coalesce(k.name, ${TEST_WORKER}) as worker,
  (select json_build_object('id', o.id, 'name', o.name) from pool o where o.id = k.pool_id) as pool, i.driver, i.generation, i.state, i.reason,
  l.instance_id is not null as "isCurrent",
  l.instance_id is not null and k.session_id is not null as "isConnected",
  ${ms("i.created_at")} as "createdAt", ${ms("i.answered_at")} as "answeredAt",
  ${ms("i.connected_at")} as "connectedAt", ${ms("i.stopping_at")} as "stoppingAt", ${ms("i.gone_at")} as "goneAt",
  i.end_reason as "endReason", i.end_advice as "endAdvice", i.is_failed as "isFailed", ${ms("i.unlisted_at")} as "unlistedAt",
  i.stop_tries as "stopTries", i.last_error as "lastError",
  ${ms("i.stop_requested_at")} as "stopRequestedAt", i.stop_requested_by as "stopRequestedBy", i.stop_reason as "stopReason",
  i.billing, i.price_per_hour as "pricePerHour",
  (select count(*) from build x where x.instance_id = i.id)::int as "buildCount",
  (select count(*) from build x where x.instance_id = i.id and x.state <> 'finished' and x.session_id is not null)::int as "runningBuilds"`;

export const INSTANCE_TABLES = `
  instance i left join worker k on k.id = i.worker_id
  left join latent_worker l on l.worker_id = i.worker_id and l.instance_id = i.id`;
