/**
 * A machine that nobody owns is stopped: written with its reason first, then asked of the provider, with
 * its worker held meanwhile if it has one, so that nobody drives a machine of that worker at the same
 * time. It counts as stopped when the provider does not list it any more.
 */

import type { Queryable } from "../../db/pool";
import { Batch } from "../../db/transition";
import type { InstanceId, OrgId, WorkerId } from "../../domain/ids";
import type { Finding } from "../../domain/instances";
import { DriverError, type InstanceHandle, type LatentDriver } from "../../drivers/contract";
import { within } from "../latent/call";
import type { LatentContext } from "../latent/context";
import { giveBack, hold } from "../latent/hold";
import { HELD, type HeldAccount, held } from "./account-store";

const STOP_SECONDS = 120;

export type Outcome =
  | { readonly action: "stopped" }
  | { readonly action: "not-stopped"; readonly error: string };

export async function stopOrphan(
  context: LatentContext,
  account: HeldAccount,
  driver: LatentDriver,
  { handle, finding }: { readonly handle: InstanceHandle; readonly finding: Finding },
): Promise<Outcome> {
  const { db, processId, insist } = context;
  const worker = await latentWorkerOf(db, account, handle, finding);
  if (worker === null) return ask(context, account, driver, handle, finding);
  const driven = await hold(db, worker, processId);
  if (driven === null || "holder" in driven) {
    return { action: "not-stopped", error: "its worker is being driven; later" };
  }
  try {
    return await ask(context, account, driver, handle, finding);
  } finally {
    // Somebody may have had a reason to look at it meanwhile, and was turned away: it is due.
    await insist("a worker let go after an orphan", () => giveBack(db, driven));
  }
}

async function ask(
  { db, actor, log }: LatentContext,
  account: HeldAccount,
  driver: LatentDriver,
  handle: InstanceHandle,
  { key, why }: Finding,
): Promise<Outcome> {
  if (!(await intend(db, account, key, actor))) {
    return { action: "not-stopped", error: "it is somebody's machine by now" };
  }
  try {
    await within(STOP_SECONDS, "stop", (signal) => driver.stop(handle, "now", signal));
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    log("an orphan could not be stopped", { key, error });
    await noteFailure(db, account, key, error.message);
    return { action: "not-stopped", error: error.message };
  }
  log("an orphan was stopped", { key, why });
  return { action: "stopped" };
}

/**
 * Audited, the first time; refused when the account or the machine is somebody's.
 * @returns whether it may be stopped
 */
async function intend(
  q: Queryable,
  account: HeldAccount,
  key: string,
  actor: string,
): Promise<boolean> {
  const rows = await q.rows(
    {
      name: "intend-orphan-stop",
      text: `with held as (
          select a.id from instance_account a where ${HELD} for update),
        before as (
          select s.id, s.stop_asked_at from instance_sighting s join held on s.account_id = held.id
          where s.kind = 'orphan' and s.key = $3 and not exists (
            select from instance i where i.key = $3 and (i.state <> 'gone' or exists (
              select from latent_worker l where l.instance_id = i.id))) for update of s),
        asked as (
          update instance_sighting s set stop_asked_at = coalesce(s.stop_asked_at, now()) from before where s.id = before.id
          returning s.org_id, s.key, s.why, s.times, s.stop_requested_by, s.stop_reason, before.stop_asked_at as asked_before),
        noted as (
          insert into audit_entry (org_id, actor, action, subject, detail)
          select org_id, coalesce(stop_requested_by, $4::text), 'orphan.stopped', key, jsonb_build_object('why', why, 'sightings', times,
            'reason', stop_reason) from asked where asked_before is null)
        select key from asked`,
    },
    [...held(account), key, actor],
  );
  return rows.length > 0;
}

async function noteFailure(
  q: Queryable,
  account: HeldAccount,
  key: string,
  error: string,
): Promise<void> {
  await q.rows(
    `update instance_sighting set stop_tries = stop_tries + 1, last_error = left($3, 2000)
     where account_id = $1 and kind = 'orphan' and key = $2`,
    [account.id, key, error],
  );
}

/** The latent worker that the machine was made for, by its row or by its tag. */
async function latentWorkerOf(
  q: Queryable,
  account: HeldAccount,
  { tag }: InstanceHandle,
  { instanceId }: Finding,
): Promise<WorkerId | null> {
  const [row] = await q.rows<{ workerId: WorkerId }>(
    {
      name: "latent-worker-of-orphan",
      text: `select l.worker_id as "workerId" from latent_worker l
        where l.org_id = $1 and l.worker_id = coalesce((select i.worker_id from instance i where i.id = $2), $3)`,
    },
    [account.orgId, instanceId, tag.worker],
  );
  return row?.workerId ?? null;
}

/**
 * A row that is no worker's machine and does not say so is put on the way out, where the life cycle
 * stops it, however long that takes.
 */
export async function putAstrayRight(
  { db, actor }: LatentContext,
  orgId: OrgId,
  id: InstanceId,
): Promise<void> {
  const batch = new Batch(orgId);
  const reason = "it is no worker's machine any more";
  const isAstray = `id = ${batch.value(id, "bigint")} and not exists (
    select from latent_worker l where l.instance_id = ${batch.value(id, "bigint")})`;
  for (const from of ["requested", "starting", "running", "broken"] as const) {
    batch.moveAll(`machine_${from}`, "instance", isAstray, {
      ...{ from, to: "stopping", reason, actor, event: "instances/{id}/update" },
      set: { reason, end_reason: reason },
    });
    batch.with(
      `due_${from}`,
      `insert into deadline (org_id, kind, subject_id, fire_at, reason)
       select org_id, 'instance-stopping', id, now(), 'it is to be stopped' from machine_${from}
       on conflict (kind, subject_id) do nothing`,
    );
  }
  await batch.commit(db);
}
