/** What people ask of machines. Each is recorded with a name; whoever drives them does it. */
import type { Queryable } from "../db/pool";
import type { InstanceId, OrgId } from "../domain/ids";
import type { InstancePolicy } from "../domain/instances";
import type { FleetContext } from "./commands";

interface Caller {
  readonly orgId: OrgId;
  readonly actor: string;
}

export interface InstanceCommands {
  /** @returns false when it is gone, or never was */
  stopInstance(caller: Caller, id: InstanceId, reason: string): Promise<boolean>;
  /** @returns false when the sweep does not see it any more */
  stopOrphan(caller: Caller, sightingId: number, reason: string): Promise<boolean>;
  /** @param accountId null: all of them */
  sweepNow(caller: Caller, accountId: number | null): Promise<void>;
  setInstancePolicy(caller: Caller, policy: InstancePolicy): Promise<void>;
}

export function createInstanceCommands(context: FleetContext): InstanceCommands {
  const change = async <T>(caller: Caller, work: (tx: Queryable) => Promise<T>): Promise<T> => {
    const answer = await context.db.within({ orgId: caller.orgId }, work);
    context.announce();
    context.machinesAsked();
    return answer;
  };
  return {
    stopInstance: (caller, id, reason) =>
      change(caller, async (tx) => {
        const values = [caller.orgId, id, caller.actor, reason];
        return (await tx.rows(STOP, values)).length > 0;
      }),
    stopOrphan: (caller, sightingId, reason) =>
      change(caller, async (tx) => {
        const values = [caller.orgId, sightingId, caller.actor, reason];
        return (await tx.rows(STOP_ORPHAN, values)).length > 0;
      }),
    async sweepNow(caller, accountId) {
      await change(caller, (tx) =>
        tx.rows(
          "update instance_account set next_at = now() where org_id = $1 and ($2::bigint is null or id = $2)",
          [caller.orgId, accountId],
        ),
      );
    },
    async setInstancePolicy(caller, policy) {
      await change(caller, (tx) =>
        tx.rows(SET, [caller.orgId, caller.actor, JSON.stringify(policy)]),
      );
      // What waited for a higher limit may find a machine now.
      context.wake(caller.orgId);
    },
  };
}

const STOP = `
  with asked as (
    update instance set stop_requested_at = coalesce(stop_requested_at, now()), stop_requested_by = $3, stop_reason = $4
    where org_id = $1 and id = $2 and state <> 'gone' returning id, org_id, worker_id, key, state),
  looked_at as (
    insert into deadline (org_id, kind, subject_id, fire_at, reason)
    select a.org_id, 'latent-worker', a.worker_id, now(), 'its machine is to be stopped'
    from asked a join latent_worker l on l.worker_id = a.worker_id and l.instance_id = a.id
    on conflict (kind, subject_id) do update set fire_at = excluded.fire_at),
  tried_again as (
    update deadline d set fire_at = now() from asked a where d.kind = 'instance-stopping' and d.subject_id = a.id),
  told as (
    insert into outbox (org_id, topic, body)
    select org_id, 'instances/' || id || '/update', jsonb_build_object('id', id) from asked),
  noted as (
    insert into audit_entry (org_id, actor, action, subject, detail)
    select org_id, $3, 'instance.stop', key, jsonb_build_object('reason', $4::text) from asked)
  select id from asked`;

const STOP_ORPHAN = `
  with asked as (
    update instance_sighting set stop_requested_by = $3, stop_reason = $4
    where org_id = $1 and id = $2 and kind = 'orphan' returning org_id, account_id, key),
  swept as (
    update instance_account a set next_at = now() from asked where a.id = asked.account_id),
  noted as (
    insert into audit_entry (org_id, actor, action, subject, detail)
    select org_id, $3, 'orphan.stop', key, jsonb_build_object('reason', $4::text) from asked)
  select key from asked`;

const SET = `
  with wanted as (
    select * from jsonb_to_record($3::jsonb) as w ("maxInstances" int, "maxHoursPerDay" float8, "maxHoursPerMonth" float8,
      "maxCostPerDay" float8, "maxCostPerMonth" float8, currency text, notify text[], "isDryRun" boolean)),
  written as (
    insert into instance_policy (org_id, max_instances, max_hours_per_day, max_hours_per_month, max_cost_per_day,
      max_cost_per_month, currency, notify, is_dry_run, changed_by)
    select $1, "maxInstances", "maxHoursPerDay", "maxHoursPerMonth", "maxCostPerDay", "maxCostPerMonth",
      nullif(currency, ''), notify, "isDryRun", $2 from wanted
    on conflict (org_id) do update set max_instances = excluded.max_instances,
      max_hours_per_day = excluded.max_hours_per_day, max_hours_per_month = excluded.max_hours_per_month,
      max_cost_per_day = excluded.max_cost_per_day, max_cost_per_month = excluded.max_cost_per_month,
      currency = excluded.currency, notify = excluded.notify, is_dry_run = excluded.is_dry_run,
      changed_at = now(), changed_by = excluded.changed_by)
  insert into audit_entry (org_id, actor, action, subject, detail)
  values ($1, $2, 'instances.limits', 'limits of machines', $3::jsonb)`;
