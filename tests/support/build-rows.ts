/** Builds with one step each, without all that leads to one, for tests of what hangs on a step. */
import type { Database } from "../../server/db/pool";
import type { BuildId, OrgId, ProcessId, StepId } from "../../server/domain/ids";

export interface BuildRow {
  readonly orgId: OrgId;
  readonly buildId: BuildId;
  readonly stepId: StepId;
  readonly ownerId: ProcessId;
  readonly ownerEpoch: number;
}

/** `number` must be new for each call on one database. The role must be a superuser. */
export async function createBuildRow(
  db: Database,
  number: number,
  orgId = 1 as OrgId,
): Promise<BuildRow> {
  const ownerId = 7 as ProcessId;
  return db.transaction(async (tx) => {
    // Nothing of what a build hangs on matters here.
    await tx.rows("set local session_replication_role = replica");
    const [build] = await tx.rows<{ id: BuildId }>(
      `insert into build (org_id, builder_id, number, build_request_id, worker_id, worker_slot,
         builder_config_id, owner_id, owner_epoch, state, state_string)
       values ($1, 1, $2::int, $2::int, $2::int, 0, 1, $3, 1, 'running', 'building') returning id`,
      [orgId, number, ownerId],
    );
    if (!build) throw new Error("no build");
    const [step] = await tx.rows<{ id: StepId }>(
      `insert into step (org_id, build_id, number, name, state, state_string)
       values ($1, $2, 0, 'test', 'running', 'testing') returning id`,
      [orgId, build.id],
    );
    if (!step) throw new Error("no step");
    return { orgId, buildId: build.id, stepId: step.id, ownerId, ownerEpoch: 1 };
  });
}
