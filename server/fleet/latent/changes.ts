/**
 * Changes of a latent worker and of its machine, as parts of a statement, for all who make them: whoever
 * drives it, claims a build for it, hears its machine log in, or sweeps. Every change of the worker's state
 * leaves a deadline that is due, so that whoever dies right after it leaves something to find.
 */
import { type Batch, Expression } from "../../db/transition";
import { type LatentState, LONGEST_PAUSE_SECONDS, stopRetrySeconds } from "../../domain/latent";
import type { DriverError } from "../../drivers/contract";
import { account } from "../caps";
import type { Latent } from "./load";

const NOW = new Expression("now()");
/** Whoever is at it says when it is to be looked at next; if nobody is, that is now. */
const DUE = `fire_at = excluded.fire_at, reason = excluded.reason`;

/** One latent worker changes its state, as the named statement `latent`. */
export function moveLatent(
  batch: Batch,
  latent: Pick<Latent, "id" | "workerId"> & { readonly facts: { readonly state: LatentState } },
  to: LatentState,
  how: {
    readonly reason: string;
    readonly actor: string;
    readonly set: Record<string, unknown>;
    readonly where: string;
    /** When somebody is to look at it if nothing happens. */
    readonly visitSeconds?: number;
  },
): void {
  const { reason, actor, set, where, visitSeconds } = how;
  batch.move("latent", "latent_worker", latent.id, {
    ...{ from: latent.facts.state, to, reason, actor, where },
    set: { ...set, reason, state_since: NOW },
  });
  batch.with("latent_told", "select org_id, worker_id as id, state from latent");
  batch.tell("latent_told", "workers/{id}/state_updated", { latent: "state" });
  due(batch, visitSeconds);
}

/** Somebody is to look at the worker of `latent` then. */
export function due(batch: Batch, seconds = 0): void {
  batch.with(
    "latent_due",
    `insert into deadline (org_id, kind, subject_id, fire_at, reason)
     select org_id, 'latent-worker', worker_id, now() + interval '${seconds} seconds', 'its machine is to be seen to' from latent
     on conflict (kind, subject_id) do update set ${DUE}`,
  );
}

export function machineRuns(batch: Batch, actor: string): void {
  for (const from of ["requested", "starting"] as const) {
    batch.moveAll(`machine_${from}`, "instance", "id = (select instance_id from latent)", {
      ...{ from, to: "running", actor, reason: "its worker has logged in" },
      set: { connected_at: NOW, reason: "its worker has logged in" },
      event: "instances/{id}/update",
    });
  }
  // The provider's answer may be written in the same moment: then it was neither when each was looked at.
  batch.with(
    "machine_runs",
    `select from machine_requested union all select from machine_starting
     union all select from instance i, latent where i.id = latent.instance_id and i.state not in ('requested', 'starting')`,
    1,
  );
}

export function machineGone(batch: Batch, id: number, actor: string): void {
  const reason = "the provider has it no more";
  batch.moveAll("machine", "instance", `id = ${batch.value(id, "bigint")}`, {
    ...{ from: "stopping", to: "gone", reason, actor },
    set: { gone_at: NOW, reason, last_error: null },
    event: "instances/{id}/gone",
  });
  account(batch, "machine");
  batch.with(
    "no_more",
    `delete from deadline where kind = 'instance-stopping' and subject_id = ${batch.value(id, "bigint")}`,
  );
}

/** Ever more rarely, and for ever. */
export function stopAgain(batch: Batch, id: number, error: DriverError): void {
  const { message, retryAfterSeconds } = error;
  const pause = Math.min(retryAfterSeconds ?? 0, LONGEST_PAUSE_SECONDS);
  const tries = Array.from({ length: 12 }, (_, index) => stopRetrySeconds(index));
  batch.with(
    "again",
    `update instance set stop_tries = stop_tries + 1, last_error = left(${batch.value(message, "text")}, 2000)
     where id = ${batch.value(id, "bigint")} and state = 'stopping' returning id, org_id, stop_tries`,
  );
  batch.with(
    "again_at",
    `insert into deadline (org_id, kind, subject_id, fire_at, reason)
     select org_id, 'instance-stopping', id,
       now() + make_interval(secs => greatest(${batch.value(pause, "float8")}, (array[${tries.join(", ")}])[least(stop_tries, ${tries.length})])),
       'it could not be stopped' from again
     on conflict (kind, subject_id) do update set fire_at = excluded.fire_at`,
  );
}
