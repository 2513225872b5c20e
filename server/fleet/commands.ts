/** What people ask of a worker. Each asks for a reason and is recorded with a name (UI goal 24). */
import type { OrgDatabase } from "../db/org-database";
import type { Queryable } from "../db/pool";
import { AppError } from "../domain/errors";
import type { OrgId, ProcessId, WorkerId } from "../domain/ids";

interface Caller {
  readonly orgId: OrgId;
  readonly actor: string;
}

export interface FleetCommands {
  /** No new builds; running ones are untouched. */
  pause(caller: Caller, workerId: WorkerId, reason: string): Promise<void>;
  /** Ends a quarantine too (W-094). */
  unpause(caller: Caller, workerId: WorkerId, reason: string): Promise<void>;
  /** Graceful shutdown: finish what runs, then exit. */
  drain(caller: Caller, workerId: WorkerId, reason: string): Promise<void>;
  /** The worker process exits now; its builds end in RETRY (W-083). */
  kill(caller: Caller, workerId: WorkerId, reason: string): Promise<void>;
}

export interface FleetContext {
  readonly db: OrgDatabase;
  readonly wake: (orgId: OrgId) => void;
  readonly announce: () => void;
  readonly tell: (owner: ProcessId) => void;
}

export function createFleetCommands(context: FleetContext): FleetCommands {
  async function change(
    caller: Caller,
    workerId: WorkerId,
    action: string,
    reason: string,
    set: string,
    values: readonly unknown[] = [],
  ): Promise<void> {
    await context.db.within({ orgId: caller.orgId }, async (tx) => {
      const rows = await tx.rows<{ id: number }>(
        `with changed as (update worker set ${set} where id = $1 and removed_at is null returning id, org_id, name),
         told as (insert into outbox (org_id, topic, body)
           select org_id, 'workers/' || id || '/' || $2::text, jsonb_build_object('id', id) from changed),
         noted as (insert into audit_entry (org_id, actor, action, subject, detail)
           select org_id, $3, 'worker.' || $2::text, name, jsonb_build_object('reason', $4::text) from changed)
         select id from changed`,
        [workerId, action, caller.actor, reason, ...values],
      );
      if (rows.length === 0) throw new AppError("request.not-found", { what: "worker" });
    });
    context.announce();
  }

  async function end(caller: Caller, workerId: WorkerId, how: "drain" | "kill"): Promise<void> {
    const owner = await context.db.within({ orgId: caller.orgId }, (tx) => ask(tx, workerId, how));
    if (owner !== null) context.tell(owner);
  }

  return {
    pause: (caller, workerId, reason) =>
      change(
        caller,
        workerId,
        "paused",
        reason,
        "paused_at = coalesce(paused_at, now()), paused_by = $3, pause_reason = $4",
      ),
    async unpause(caller, workerId, reason) {
      await change(
        caller,
        workerId,
        "unpaused",
        reason,
        "paused_at = null, paused_by = null, pause_reason = null, quarantined_until = null",
      );
      context.wake(caller.orgId);
    },
    async drain(caller, workerId, reason) {
      await change(caller, workerId, "draining", reason, "is_draining = true");
      await end(caller, workerId, "drain");
    },
    async kill(caller, workerId, reason) {
      await change(caller, workerId, "killed", reason, "is_draining = true");
      await end(caller, workerId, "kill");
    },
  };
}

/** @returns the process that holds the worker's connection, null when there is none */
async function ask(tx: Queryable, workerId: WorkerId, how: string): Promise<ProcessId | null> {
  const [row] = await tx.rows<{ process_id: ProcessId }>(
    "update worker_session set end_requested = $2 where worker_id = $1 and ended_at is null returning process_id",
    [workerId, how],
  );
  return row?.process_id ?? null;
}
