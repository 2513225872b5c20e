/**
 * A request is claimed and its build made, for one worker, owned by the process that holds the
 * worker's connection: one statement. Whoever else was quicker wins, and nothing is changed here.
 *
 * A latent worker is wanted in the same statement. While it has no machine the build waits without a
 * session, and the process that claimed it owns it (engine/latent/waiting.ts).
 */
import type { Queryable } from "../../db/pool";
import { IS_UNWELCOME } from "../../db/pool-rows";
import { Batch, Expression, StaleState } from "../../db/transition";
import type { BuildId, OrgId, ProcessId } from "../../domain/ids";
import type { Assignment } from "../../domain/scheduling";
import { want } from "../../fleet";
import { beginPreparation } from "../latent/preparation";
import { takeLocks } from "../locks/own-locks";

/** From claim to the first step; a connected worker needs milliseconds. */
const PREPARING_SECONDS = 300;

export interface Claimed {
  readonly buildId: BuildId;
  /** The process that must be told. */
  readonly ownerId: ProcessId;
}

/** Of a machine that is on its way the life cycle says when it is too late; this stands behind it. */
const WAITING_SECONDS = 3_600;
/** Of one that sets no limit itself (`missing_timeout: 0`). */
const UNLIMITED_SECONDS = 86_400;

/**
 * @param here the process that claims, for a build that waits for a machine
 * @returns null when the request, the worker, its place or a lock is no longer free
 */
export async function claim(
  q: Queryable,
  orgId: OrgId,
  assignment: Assignment,
  actor: string,
  here: ProcessId | null = null,
): Promise<Claimed | null> {
  const { requestId, builderId, workerId, sessionId, slot, latent } = assignment;
  const waitsWith = latent && sessionId === null ? here : null;
  const seconds =
    waitsWith === null ? PREPARING_SECONDS : waitingSeconds(latent?.missingSeconds ?? 0);
  const batch = new Batch(orgId);
  const org = batch.value(orgId, "bigint");
  const builder = batch.value(builderId, "bigint");
  const worker = batch.value(workerId, "bigint");
  const reason = "a build waits for it";
  if (latent && want(batch, { ...latent, workerId }, reason, actor) === null) return null;
  const connection =
    waitsWith === null
      ? `join worker_session s on s.id = w.session_id and s.ended_at is null and s.end_requested is null
         and s.id = ${batch.value(sessionId, "bigint")} join process p on p.id = s.process_id`
      : `join process p on p.id = ${batch.value(waitsWith, "bigint")}`;
  batch.with(
    "owner",
    `select p.id, w.name from worker w ${connection}
     where w.id = ${worker} and w.org_id = ${org} and w.removed_at is null
       and w.paused_at is null and not w.is_draining
       and not exists (select from pool p where p.id = w.pool_id and ${IS_UNWELCOME})
       and (w.quarantined_until is null or w.quarantined_until <= now())
       and p.gone_at is null and p.lease_expires_at > now()`,
    1,
  );
  batch.with(
    "numbered",
    `update builder set next_build_number = next_build_number + 1
     where id = ${builder} and org_id = ${org} and removed_at is null
     returning next_build_number - 1 as number, current_config_id as config`,
    1,
  );
  batch.move("request", "build_request", requestId, {
    from: "pending",
    to: "claimed",
    set: { claimed_at: new Expression("now()") },
    reason: "a worker is free",
    actor,
    event: "buildrequests/{id}/claimed",
    body: { builderId: "builder_id" },
  });
  batch.create(
    "build",
    "build",
    "preparing",
    {
      builder_id: builderId,
      number: new Expression("(select number from numbered)"),
      build_request_id: requestId,
      worker_id: workerId,
      worker_slot: slot,
      session_id: sessionId,
      builder_config_id: new Expression("(select config from numbered)"),
      // Where there is none, the statement is stale; a null would be another error.
      owner_id: new Expression("coalesce((select id from owner), 0)"),
      state_string: new Expression("'preparing worker ' || coalesce((select name from owner), '')"),
      ...(latent && hasMachine(latent)
        ? { instance_id: new Expression("(select instance_id from latent)") }
        : {}),
    },
    {
      reason: "claimed for a worker",
      actor,
      event: "builds/{id}/new",
      body: { builderId: "builder_id", workerId: "worker_id", number: "number" },
    },
  );
  if (waitsWith !== null) beginPreparation(batch, actor);
  takeLocks(batch, org, assignment.locks, "(select id from build)", null);
  batch.with(
    "overdue",
    `insert into deadline (org_id, kind, subject_id, fire_at, reason)
     select ${org}, 'build-preparing', id, now() + interval '${seconds} seconds',
       'the worker did not start the build in ${seconds} s' from build`,
  );
  batch.returning("owner", "select id from owner");
  try {
    const row = await batch.commit(q);
    return { buildId: row.build as BuildId, ownerId: row.owner as ProcessId };
  } catch (error) {
    if (error instanceof StaleState) return null;
    throw error;
  }
}

const waitingSeconds = (missing: number) =>
  missing === 0 ? UNLIMITED_SECONDS : Math.max(WAITING_SECONDS, Math.ceil(2 * missing));

/** There, or on its way; with the others the build's machine is known when it is ordered. */
function hasMachine({ state, needsAnother }: NonNullable<Assignment["latent"]>): boolean {
  return state === "starting" || (state === "substantiated" && !needsAnother);
}
