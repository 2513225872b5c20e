/**
 * Notices and their mails in the database, as those about losses are (docs/decisions/0020): a notice is
 * closed with its recipients before any mail server is asked; each try is a claim before and an outcome
 * after.
 */
import type { Queryable } from "../../db/pool";
import type { OrgId } from "../../domain/ids";
import type { Tried } from "../missing/mail-store";
import type { NoticeFacts } from "./letter";

/** Longer than any try takes. */
const CLAIM_SECONDS = 150;
const FIRST_WAIT_SECONDS = 60;
const LONGEST_WAIT_SECONDS = 3_600;
const GIVE_UP_DAYS = 5;

export interface ClaimedNotice extends NoticeFacts {
  readonly orgId: OrgId;
  readonly messageId: string;
  readonly closedAt: Date;
  readonly to: readonly string[];
  readonly open: readonly string[];
}

/** Notices whose time has come. */
export async function dueNotices(q: Queryable): Promise<number[]> {
  const rows = await q.rows<{ id: number }>({
    name: "notices-due",
    text: `select subject_id as id from deadline where kind = 'notice' and fire_at <= now() order by fire_at limit 500`,
  });
  return rows.map(({ id }) => id);
}

/**
 * Nothing is added to it any more, and who is told stands: of a worker those that its configuration names,
 * else those that the limits name, else the owners.
 */
async function close(q: Queryable, id: number, host: string): Promise<void> {
  await q.rows(
    {
      name: "close-notice",
      text: `with closed as (
          update notice n set closed_at = now(), message_id = '<notice-' || n.id || '-' || (extract(epoch from n.first_at) * 1000)::bigint || '@' || $2::text || '>'
          where n.id = $1 and n.closed_at is null and n.due_at <= now() returning n.id, n.org_id, n.kind, n.subject_id),
        named as (
          select c.id, c.org_id, a.address from closed c join worker w on w.id = c.subject_id and c.kind = 'substantiation-failed'
          cross join lateral jsonb_array_elements_text(case jsonb_typeof(w.config->'notify_on_missing')
            when 'array' then w.config->'notify_on_missing'
            when 'string' then jsonb_build_array(w.config->'notify_on_missing') else '[]' end) as a (address)
          union
          select c.id, c.org_id, a.address from closed c join instance_policy p on p.org_id = c.org_id
          cross join lateral unnest(p.notify) as a (address) where c.kind <> 'substantiation-failed'),
        owners as (
          select c.id, c.org_id, u.email from closed c join membership m on m.org_id = c.org_id and m.role = 'owner'
          join user_account u on u.id = m.user_id and u.disabled_at is null
          where c.kind <> 'substantiation-failed' and not exists (select from named))
        insert into notice_mail (org_id, notice_id, recipient)
        select org_id, id, address from named union select org_id, id, email from owners
        on conflict do nothing`,
    },
    [id, host],
  );
}

/** @returns null when nobody is to be told now, or somebody else is at it */
export async function claimNotice(
  q: Queryable,
  id: number,
  host: string,
): Promise<ClaimedNotice | null> {
  await close(q, id, host);
  const [row] = await q.rows<ClaimedNotice>(
    {
      name: "claim-notice",
      text: `with held as (select id from notice where id = $1 and closed_at is not null for update),
        claimed as (
          update notice_mail m set attempts = attempts + 1, claimed_until = now() + interval '${CLAIM_SECONDS} seconds'
          from held where m.notice_id = held.id and m.sent_at is null and m.given_up_at is null
            and m.next_try_at <= now() and (m.claimed_until is null or m.claimed_until <= now())
          returning m.org_id, m.recipient),
        later as (
          update deadline set fire_at = now() + interval '${CLAIM_SECONDS} seconds', reason = 'whoever sent the mail did not end'
          where kind = 'notice' and subject_id = $1 and exists (select from claimed)),
        over as (
          delete from deadline where kind = 'notice' and subject_id = $1 and exists (select from held)
            and not exists (select from notice_mail m where m.notice_id = $1 and m.sent_at is null and m.given_up_at is null))
        select n.org_id as "orgId", n.kind, n.subject_id as "subjectId", n.worker_name as "workerName", n.subject, n.body, n.count,
          n.first_at as "firstAt", n.last_at as "lastAt", n.closed_at as "closedAt", n.message_id as "messageId",
          o.slug as "orgSlug", o.name as "orgName",
          (select json_agg(recipient order by id) from notice_mail where notice_id = n.id) as "to",
          (select json_agg(recipient) from claimed) as open
        from notice n join organization o on o.id = n.org_id where n.id = $1 and exists (select from claimed)`,
    },
    [id],
  );
  return row ?? null;
}

/** @returns seconds until the next try, null when there is none */
export async function recordNotice(
  q: Queryable,
  id: number,
  tries: readonly Tried[],
): Promise<number | null> {
  const [row] = await q.rows<{ wait: number | null }>(
    {
      name: "record-notice",
      text: `with tried as (
          select * from unnest($2::text[], $3::boolean[], $4::text[], $5::boolean[]) as t (recipient, is_sent, answer, is_hopeless)),
        written as (
          update notice_mail m set claimed_until = null, last_answer = t.answer,
            sent_at = case when t.is_sent then now() end,
            given_up_at = case when not t.is_sent
              and (t.is_hopeless or m.created_at < now() - interval '${GIVE_UP_DAYS} days') then now() end,
            next_try_at = now() + make_interval(secs =>
              least(${FIRST_WAIT_SECONDS} * 2 ^ least(m.attempts - 1, 10), ${LONGEST_WAIT_SECONDS}))
          from tried t where m.notice_id = $1 and m.recipient = t.recipient and m.sent_at is null and m.given_up_at is null
          returning m.org_id, m.recipient, m.sent_at, m.given_up_at, m.next_try_at),
        waiting as (
          select next_try_at from written where sent_at is null and given_up_at is null
          union all
          select m.next_try_at from notice_mail m where m.notice_id = $1 and m.sent_at is null and m.given_up_at is null
            and m.recipient not in (select recipient from written)),
        later as (
          update deadline set fire_at = (select min(next_try_at) from waiting), reason = 'the mail server did not take it'
          where kind = 'notice' and subject_id = $1 and exists (select from waiting)),
        over as (
          delete from deadline where kind = 'notice' and subject_id = $1 and not exists (select from waiting))
        select ceil(extract(epoch from min(next_try_at) - now()))::int as wait from waiting`,
    },
    [
      id,
      tries.map(({ recipient }) => recipient),
      tries.map(({ isSent }) => isSent),
      tries.map(({ answer }) => answer),
      tries.map(({ isHopeless }) => isHopeless),
    ],
  );
  return row?.wait ?? null;
}
