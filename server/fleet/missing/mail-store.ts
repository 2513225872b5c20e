/**
 * Mails about losses in the database. A recipient's row says that he is to be told; a try is written
 * as a claim before the mail server is asked and as its outcome right after, so that at any moment one
 * process tries. One whose process died in between is tried again when its claim runs out, under the
 * same Message-ID (docs/decisions/0020).
 */
import type { Queryable } from "../../db/pool";
import { historySql } from "../../db/worker-history";
import type { LossId, OrgId } from "../../domain/ids";
import type { LossFacts } from "./letter";

/** Longer than any try takes. */
const CLAIM_SECONDS = 150;
const FIRST_WAIT_SECONDS = 60;
const LONGEST_WAIT_SECONDS = 3_600;
/** So long a mail server may refuse; afterwards nobody expects the mail any more. */
const GIVE_UP_DAYS = 5;

export interface Claimed extends LossFacts {
  readonly orgId: OrgId;
  readonly messageId: string;
  readonly noticedAt: Date;
  /** All whom it is for, in a fixed order. */
  readonly to: readonly string[];
  /** Those to be tried now. */
  readonly open: readonly string[];
}

/** @returns null when nobody is to be told now, or somebody else is at it */
export async function claimMails(q: Queryable, lossId: LossId): Promise<Claimed | null> {
  const [row] = await q.rows<Claimed>(
    {
      name: "claim-worker-mails",
      text: `with held as (select id from worker_loss where id = $1 for update),
        claimed as (
          update worker_mail m set attempts = attempts + 1, claimed_until = now() + interval '${CLAIM_SECONDS} seconds'
          from held where m.loss_id = held.id and m.sent_at is null and m.given_up_at is null
            and m.next_try_at <= now() and (m.claimed_until is null or m.claimed_until <= now())
          returning m.org_id, m.recipient),
        later as (
          insert into deadline (org_id, kind, subject_id, fire_at, reason)
          select org_id, 'worker-mail', $1, now() + interval '${CLAIM_SECONDS} seconds', 'whoever sent the mail did not end'
          from claimed limit 1
          on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason)
        select l.org_id as "orgId", l.message_id as "messageId", l.noticed_at as "noticedAt", l.lost_at as "lostAt",
          l.timeout_seconds as "timeoutSeconds", w.id as "workerId", w.name, w.facts->'info'->>'admin' as admin,
          w.last_seen_at is not null as "hasEverConnected", o.slug as "orgSlug", o.name as "orgName",
          (select json_agg(recipient order by id) from worker_mail where loss_id = l.id) as "to",
          (select json_agg(recipient) from claimed) as open
        from worker_loss l join worker w on w.id = l.worker_id join organization o on o.id = l.org_id
        where l.id = $1 and exists (select from claimed)`,
    },
    [lossId],
  );
  return row ?? null;
}

export interface Tried {
  readonly recipient: string;
  readonly isSent: boolean;
  /** The mail server's words. */
  readonly answer: string;
  /** There is nobody to try with. */
  readonly isHopeless: boolean;
}

/** @returns seconds until the next try, null when there is none */
export async function recordTries(
  q: Queryable,
  lossId: LossId,
  tries: readonly Tried[],
  actor: string,
): Promise<number | null> {
  const [row] = await q.rows<{ wait: number | null }>(
    {
      name: "record-worker-mails",
      text: `with tried as (
          select * from unnest($2::text[], $3::boolean[], $4::text[], $5::boolean[]) as t (recipient, is_sent, answer, is_hopeless)),
        written as (
          update worker_mail m set claimed_until = null, last_answer = t.answer,
            sent_at = case when t.is_sent then now() end,
            given_up_at = case when not t.is_sent
              and (t.is_hopeless or m.created_at < now() - interval '${GIVE_UP_DAYS} days') then now() end,
            next_try_at = now() + make_interval(secs =>
              least(${FIRST_WAIT_SECONDS} * 2 ^ least(m.attempts - 1, 10), ${LONGEST_WAIT_SECONDS}))
          from tried t, worker_mail old
          where m.loss_id = $1 and m.recipient = t.recipient and old.id = m.id and m.sent_at is null and m.given_up_at is null
          returning m.org_id, m.recipient, m.sent_at, m.given_up_at, m.next_try_at, m.last_answer, old.last_answer as said_before),
        cleared as (
          delete from deadline where kind = 'worker-mail' and subject_id = $1
            and not exists (select from written where sent_at is null and given_up_at is null)
            and not exists (select from worker_mail m where m.loss_id = $1 and m.sent_at is null and m.given_up_at is null
              and m.recipient not in (select recipient from written))),
        later as (
          insert into deadline (org_id, kind, subject_id, fire_at, reason)
          select org_id, 'worker-mail', $1, min(next_try_at), 'the mail server did not take it'
          from written where sent_at is null and given_up_at is null group by org_id
          on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason),
        noted as (
          update worker_loss l set note = case when count.refused > 0 then count.answer end
          from (select count(*) filter (where sent_at is null) as refused,
                  max(last_answer) filter (where sent_at is null) as answer from written) count
          where l.id = $1
          returning l.org_id, l.worker_id),
        lines as (
          select n.org_id, n.worker_id, w.sent_at is not null as is_sent, w.given_up_at is not null as is_given_up,
            string_agg(w.recipient, ', ' order by w.recipient) as recipients, w.last_answer
          from written w cross join noted n
          where w.sent_at is not null or w.given_up_at is not null or w.last_answer is distinct from w.said_before
          group by n.org_id, n.worker_id, is_sent, is_given_up, w.last_answer),
        remembered as (
          ${historySql(
            {
              kind: "notified",
              from: "lines",
              reason: "'to ' || recipients || ': ' || last_answer",
              actor: "$6::text",
              where: "is_sent",
            },
            {
              kind: "not-notified",
              from: "lines",
              reason: `recipients || ': ' || last_answer || case when is_given_up then '' else ' (it is tried again)' end`,
              actor: "$6::text",
              where: "not is_sent",
            },
          )}),
        told as (
          insert into outbox (org_id, topic, body)
          select org_id, 'workers/' || worker_id || '/notified', jsonb_build_object('id', worker_id) from noted)
        select ceil(extract(epoch from min(next_try_at) - now()))::int as wait
        from written where sent_at is null and given_up_at is null`,
    },
    [
      lossId,
      tries.map(({ recipient }) => recipient),
      tries.map(({ isSent }) => isSent),
      tries.map(({ answer }) => answer),
      tries.map(({ isHopeless }) => isHopeless),
      actor,
    ],
  );
  return row?.wait ?? null;
}

/** Losses of which somebody is to be told now. */
export async function dueMails(q: Queryable): Promise<LossId[]> {
  const rows = await q.rows<{ id: LossId }>({
    name: "worker-mails-due",
    text: `select subject_id as id from deadline where kind = 'worker-mail' and fire_at <= now()
      order by fire_at limit 500`,
  });
  return rows.map(({ id }) => id);
}
