/**
 * Accounts as rows. One process sweeps an account at a time: it holds the row under an epoch that no other
 * hold has, and all that it writes carries that. When it is swept next is written when it is taken, so that
 * one that dies is not followed at once, nor forgotten.
 */
import { jsonText } from "../../db/json-text";
import type { Queryable } from "../../db/pool";
import type { InstanceId, OrgId, ProcessId } from "../../domain/ids";
import type { Finding, Known, Sighted } from "../../domain/instances";
import type { InstanceHandle } from "../../drivers/contract";

/** */
export const SWEEP_SECONDS = 45;
/** Accounts that nobody uses any more are swept less often. */
const UNUSED_SECONDS = 300;
const AT_ONCE = 100;

export interface HeldAccount {
  readonly id: number;
  readonly orgId: OrgId;
  readonly driver: string;
  readonly title: string;
  readonly fingerprint: string;
  readonly config: unknown;
  readonly epoch: number;
  readonly isDryRun: boolean;
  /** By the database's clock, milliseconds. */
  readonly at: number;
}

const IS_UNUSED = "a.wanted_at < now() - interval '3 minutes'";
const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;

/** Those whose turn has come and that no living process holds. */
export function takeAccounts(q: Queryable, ownerId: ProcessId): Promise<HeldAccount[]> {
  return q.rows<HeldAccount>(
    {
      name: "take-accounts",
      text: `with due as (
          select a.id from instance_account a where a.next_at <= now() and (a.owner_id is null or not exists (
            select from process p where p.id = a.owner_id and p.gone_at is null and p.lease_expires_at > now()))
          order by a.next_at limit ${AT_ONCE} for update skip locked)
        update instance_account a set owner_id = $1, owner_epoch = a.owner_epoch + 1,
          next_at = now() + make_interval(secs => case when ${IS_UNUSED} then ${UNUSED_SECONDS} else ${SWEEP_SECONDS} end)
        from due where a.id = due.id
        returning a.id, a.org_id as "orgId", a.driver, a.title, a.fingerprint, a.config, a.owner_epoch as epoch,
          coalesce((select p.is_dry_run from instance_policy p where p.org_id = a.org_id), false) as "isDryRun",
          ${ms("clock_timestamp()")} as at`,
    },
    [ownerId],
  );
}

/** SQL for "it is still ours", over a row `a`; $1 and $2 are its id and the epoch. */
export const HELD = "a.id = $1 and a.owner_epoch = $2";
export const held = ({ id, epoch }: HeldAccount) => [id, epoch];

export type KnownRow = Known & {
  readonly driver: string;
  readonly config: unknown;
  readonly isListed: boolean;
  /** Of the account's organisation; others may have machines at the same provider. */
  readonly isOwn: boolean;
};

export interface Ours {
  /** Rows of what is listed, and all of this driver that are not gone. */
  readonly rows: readonly KnownRow[];
  readonly sighted: readonly (Sighted & { readonly id: number })[];
  /** Of the organisations asked after, those that are there. */
  readonly organizations: readonly number[];
}

/** Read after the list, so that whatever is on it has its row here if it ever had one. */
export async function loadOurs(
  q: Queryable,
  account: HeldAccount,
  keys: readonly string[],
  organizations: readonly number[],
): Promise<Ours> {
  const [row] = await q.rows<Ours>(
    {
      name: "rows-of-account",
      text: `with rows as (
          select i.id from instance i where i.key = any($3)
          union select i.id from instance i where i.org_id = $1 and i.state <> 'gone' and i.driver = $2)
        select (select coalesce(jsonb_agg(jsonb_build_object('id', i.id, 'key', i.key, 'state', i.state, 'driver', i.driver,
              'config', i.config, 'createdAt', ${ms("i.created_at")}, 'isListed', i.key = any($3), 'isOwn', i.org_id = $1,
              'isCurrent', l.id is not null or exists (
                select from driver_test t where t.instance_id = i.id and t.ended_at is null), 'isConnected', l.id is not null and exists (
                select from worker_session s where s.id = w.session_id and s.ended_at is null))), '[]')
            from rows join instance i on i.id = rows.id left join worker w on w.id = i.worker_id
            left join latent_worker l on l.worker_id = i.worker_id and l.instance_id = i.id) as rows,
          (select coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'kind', s.kind, 'key', s.key, 'times', s.times,
              'firstAt', ${ms("s.first_at")}, 'isStopRequested', s.stop_requested_by is not null)), '[]')
            from instance_sighting s where s.account_id = $4) as sighted,
          (select coalesce(jsonb_agg(o.id), '[]') from organization o where o.id = any($5)) as organizations`,
    },
    [account.orgId, account.driver, keys, account.id, organizations],
  );
  if (!row) throw new Error("a statement without a row");
  return row;
}

/**
 * What the list says is written before anything follows from it: sightings that were confirmed count one
 * more, the others are forgotten, and machines that are listed again are not missing any more.
 * @returns false when the account is held by somebody else now
 */
export async function writeFindings(
  q: Queryable,
  account: HeldAccount,
  listed: readonly InstanceHandle[],
  ours: readonly number[],
  findings: readonly Finding[],
): Promise<boolean> {
  const handles = new Map(listed.map((handle) => [handle.key, handle]));
  const rows = await q.rows(WRITE, [
    ...held(account),
    JSON.stringify(
      listed
        // How the machines of others are called is none of this organisation's business.
        .filter(({ tag }) => tag.organization === account.orgId)
        .map(({ key, madeAt, tag: { generation } }) => ({ key, madeAt, generation })),
    ),
    listed.map(({ key }) => key),
    ours,
    jsonText(
      findings.map(({ kind, key, instanceId, why }) => ({
        ...{ kind, key, instanceId, why },
        handle: handles.get(key) ?? {},
      })),
    ),
    account.at,
  ]);
  return rows.length > 0;
}

const WRITE = {
  name: "write-findings",
  text: `with held as (select a.id, a.org_id from instance_account a where ${HELD} for update),
    found as (
      select held.id as account_id, held.org_id, f.* from held cross join
        jsonb_to_recordset($6::jsonb) as f (kind text, key text, "instanceId" bigint, why text, handle jsonb)),
    sighted as (
      insert into instance_sighting as s (org_id, account_id, kind, key, instance_id, handle, why, first_at, last_at)
      select org_id, account_id, kind, key, "instanceId", handle, why, to_timestamp($7::float8 / 1000), to_timestamp($7::float8 / 1000)
      from found
      on conflict (account_id, kind, key) do update set times = s.times + 1, last_at = excluded.last_at,
        why = excluded.why, handle = excluded.handle, instance_id = excluded.instance_id),
    forgotten as (
      delete from instance_sighting s using held where s.account_id = held.id
        and not exists (select from found f where f.kind = s.kind and f.key = s.key)),
    listed_again as (
      update instance i set unlisted_at = null from held
      where i.org_id = held.org_id and i.state <> 'gone' and i.key = any($4) and i.unlisted_at is not null),
    belongs as (
      update instance i set account_id = held.id from held
      where i.id = any($5) and i.org_id = held.org_id and i.account_id is distinct from held.id)
    update instance_account a set listed = $3::jsonb, listed_at = now() from held where a.id = held.id returning a.id`,
};

export interface ReportRow {
  readonly seen: number;
  readonly known: number;
  readonly orphans: number;
  readonly stopped: number;
  readonly missing: number;
  readonly error: string | null;
  readonly details: readonly object[];
}

const UNCLEAR = `'[{"kind": "unclear"}]'::jsonb`;

/**
 * The account is let go of, with a report. One that is empty and unused for a day is not swept again.
 * @returns whether its next turn has come: somebody asked for a sweep while this one was under way
 */
export async function finish(
  q: Queryable,
  account: HeldAccount,
  report: ReportRow,
): Promise<boolean> {
  const { seen, known, orphans, stopped, missing, error, details } = report;
  const [row] = await q.rows<{ isDue: boolean }>(
    {
      name: "finish-sweep",
      text: `with done as (
          update instance_account a set owner_id = null, swept_at = now(), error = $8::text,
            error_since = case when $8::text is null then null else coalesce(a.error_since, now()) end,
            next_at = case when a.wanted_at < now() - interval '1 day' and $8::text is null and $3 = 0
              and not exists (select from instance i where i.account_id = a.id and i.state <> 'gone')
              or a.wanted_at < now() - interval '30 days' then 'infinity' else a.next_at end
          where ${HELD} returning a.id, a.org_id, a.next_at <= now() as is_due),
        told as (
          insert into outbox (org_id, topic, body)
          select org_id, 'sweeps/' || id || '/new', jsonb_build_object('id', id) from done)
        insert into sweep_report (org_id, account_id, at, duration_ms, is_dry_run, seen, known, orphans, stopped, missing, error, details, is_notable)
        select org_id, id, to_timestamp($10::float8 / 1000),
          greatest(0, extract(epoch from clock_timestamp()) * 1000 - $10::float8)::int, $11, $3, $4, $5, $6, $7, left($8, 2000), $9::jsonb,
          $5 > 0 or $7 > 0 or $8::text is distinct from (select b.error from instance_account b where b.id = done.id)
            or $9::jsonb @> ${UNCLEAR} and $9::jsonb is distinct from (
              select r.details from sweep_report r where r.account_id = done.id order by r.id desc limit 1)
        from done returning (select is_due from done) as "isDue"`,
    },
    [
      ...[...held(account), seen, known, orphans, stopped, missing, error],
      ...[jsonText(details), account.at, account.isDryRun],
    ],
  );
  return row?.isDue ?? false;
}

/** It could not be swept: its next turn stands. */
export async function letGo(q: Queryable, account: HeldAccount): Promise<void> {
  await q.rows(`update instance_account a set owner_id = null where ${HELD}`, held(account));
}

/**
 * Machines that were missing twice: their workers are looked at. One that is connected by now, or whose
 * machine is another one, is left alone.
 */
export async function tellMissing(
  q: Queryable,
  account: HeldAccount,
  ids: readonly number[],
): Promise<{ id: InstanceId; workerId: number }[]> {
  return q.rows(
    {
      name: "tell-missing",
      text: `with held as (select a.id, a.org_id from instance_account a where ${HELD}),
        told as (
          update instance i set unlisted_at = coalesce(i.unlisted_at, now()) from held, latent_worker l, worker w
          where i.id = any($3) and i.org_id = held.org_id and i.state <> 'gone' and l.instance_id = i.id
            and w.id = i.worker_id and not exists (
              select from worker_session s where s.id = w.session_id and s.ended_at is null)
          returning i.id, i.org_id, i.worker_id),
        looked_at as (
          insert into deadline (org_id, kind, subject_id, fire_at, reason)
          select org_id, 'latent-worker', worker_id, now(), 'the provider does not list its machine' from told
          on conflict (kind, subject_id) do update set fire_at = excluded.fire_at)
        select id, worker_id as "workerId" from told`,
    },
    [...held(account), ids],
  );
}
