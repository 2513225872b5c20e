/**
 * What people ask of workers, one or many at once. Each asks for a reason and is recorded with a name
 * (UI goal 24). What is asked of a session is written before what is said of its worker, in the order
 * in which attaching and ending hold these rows.
 */
import type { OrgDatabase } from "../db/org-database";
import type { Queryable } from "../db/pool";
import { historySql } from "../db/worker-history";
import type { OrgId, PoolId, ProcessId, WorkerId } from "../domain/ids";
import type { WorkerEventKind } from "../domain/workers/history";
import { createInstanceCommands, type InstanceCommands } from "./instance-commands";
import { type PoolSteering, steerPool } from "./pools/steer";

export type FleetAction =
  /** No new builds; running ones are untouched. */
  | "pause"
  /** Ends a quarantine too, whose next length stays as it is (W-094). */
  | "unpause"
  /** Graceful shutdown: finish what runs, then exit. */
  | "drain"
  /** The worker process exits now; its builds end in RETRY (W-083). */
  | "kill";

interface Caller {
  readonly orgId: OrgId;
  readonly actor: string;
}

export interface FleetCommands extends InstanceCommands {
  /** @returns those of the workers that are in the configuration, and so were changed */
  control(
    caller: Caller,
    workerIds: readonly WorkerId[],
    action: FleetAction,
    reason: string,
  ): Promise<WorkerId[]>;
  /** @returns whether there is such a pool */
  steerPool(caller: Caller, poolId: PoolId, how: PoolSteering, reason: string): Promise<boolean>;
}

export interface FleetContext {
  readonly db: OrgDatabase;
  readonly wake: (orgId: OrgId) => void;
  readonly announce: () => void;
  readonly tell: (owner: ProcessId) => void;
  /** Whoever drives machines has something to see. */
  readonly machinesAsked: () => void;
}

interface Verb {
  readonly event: WorkerEventKind;
  /** SQL on the worker's row; $3 is the actor, $4 the reason. */
  readonly set: string;
  readonly ends?: "drain" | "kill";
}

/** A latent worker without a machine has nothing that could go. */
const DRAINING = `is_draining = not exists (select from latent_worker l where l.worker_id = worker.id
  and l.is_latent and l.state in ('insubstantiated', 'shut-down'))`;

const VERBS: Readonly<Record<FleetAction, Verb>> = {
  pause: {
    event: "paused",
    set: "paused_at = coalesce(paused_at, now()), paused_by = $3, pause_reason = $4",
  },
  unpause: {
    event: "unpaused",
    set: `paused_at = null, paused_by = null, pause_reason = null,
      quarantined_until = null, quarantine_reason = null`,
  },
  drain: { event: "draining", set: DRAINING, ends: "drain" },
  kill: { event: "killed", set: DRAINING, ends: "kill" },
};

export function createFleetCommands(context: FleetContext): FleetCommands {
  return {
    ...createInstanceCommands(context),
    async control(caller, workerIds, action, reason) {
      const verb = VERBS[action];
      const { ids, owners } = await context.db.within({ orgId: caller.orgId }, async (tx) => {
        const owners = verb.ends ? await ask(tx, workerIds, verb.ends) : [];
        return { ids: await change(tx, caller, workerIds, action, reason), owners };
      });
      if (ids.length === 0) return ids;
      context.announce();
      for (const owner of owners) context.tell(owner);
      if (verb.ends) context.machinesAsked();
      if (action === "unpause") context.wake(caller.orgId);
      return ids;
    },
    async steerPool(caller, poolId, how, reason) {
      const isThere = await context.db.within({ orgId: caller.orgId }, (tx) =>
        steerPool(tx, caller, poolId, how, reason),
      );
      if (!isThere) return false;
      context.announce();
      context.machinesAsked();
      context.wake(caller.orgId);
      return true;
    },
  };
}

async function change(
  tx: Queryable,
  caller: Caller,
  workerIds: readonly WorkerId[],
  action: FleetAction,
  reason: string,
): Promise<WorkerId[]> {
  const { event, set } = VERBS[action];
  const rows = await tx.rows<{ id: WorkerId }>(
    `with chosen as (
       select id, quarantined_until > now() as was_resting from worker
       where id = any($1) and removed_at is null order by id for update),
     changed as (
       update worker set ${set} from chosen where worker.id = chosen.id
       returning worker.id, worker.org_id, worker.name, chosen.was_resting),
     told as (
       insert into outbox (org_id, topic, body)
       select org_id, 'workers/' || id || '/' || $2::text, jsonb_build_object('id', id) from changed),
     remembered as (
       ${historySql({ ...by, kind: event, reason: "$4::text" }, ...(action === "unpause" ? [RELEASED_LINE] : []))}),
     noted as (
       insert into audit_entry (org_id, actor, action, subject, detail)
       select org_id, $3, 'worker.' || $2::text, name, jsonb_build_object('reason', $4::text) from changed)
     ${action === "unpause" ? RELEASED : ""}
     select id from changed`,
    [workerIds, event, caller.actor, reason],
  );
  return rows.map(({ id }) => id);
}

const RELEASED = `,
  cleared as (
    delete from deadline d using changed where d.kind = 'worker-quarantine' and d.subject_id = changed.id),
  free as (
    insert into outbox (org_id, topic, body)
    select org_id, 'workers/' || id || '/released', jsonb_build_object('id', id) from changed where was_resting)`;

const by = { from: "changed", worker: "id", actor: "$3::text" };
const RELEASED_LINE = {
  ...by,
  kind: "released",
  reason: "'unpaused: ' || $4::text",
  where: "was_resting",
} as const;

/**
 * Asks the sessions of these workers to end; one that is to be ended at once stays so.
 * @returns the processes that hold them
 */
async function ask(
  tx: Queryable,
  workerIds: readonly WorkerId[],
  how: "drain" | "kill",
): Promise<ProcessId[]> {
  const rows = await tx.rows<{ process_id: ProcessId }>(
    `with held as (
       select s.id from worker_session s join worker w on w.id = s.worker_id
       where s.worker_id = any($1) and s.ended_at is null and w.removed_at is null
       order by s.worker_id for update of s),
     asked as (
       update worker_session s set end_requested = case when end_requested = 'kill' then 'kill' else $2 end
       from held where s.id = held.id returning s.process_id)
     select distinct process_id from asked`,
    [workerIds, how],
  );
  return rows.map(({ process_id }) => process_id);
}
