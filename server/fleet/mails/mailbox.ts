/**
 * Mails to people in the database. A recipient's row says that he is to be told; a try is written as a
 * claim before the mail server is asked and as its outcome right after, so that at any moment one process
 * tries. One whose process died in between is tried again when its claim runs out, under the same
 * Message-ID (docs/decisions/0020).
 */
import type { Queryable } from "../../db/pool";
import type { OrgId } from "../../domain/ids";

/** Longer than any try takes. */
const CLAIM_SECONDS = 150;
const FIRST_WAIT_SECONDS = 60;
const LONGEST_WAIT_SECONDS = 3_600;
/** So long a mail server may refuse; afterwards nobody expects the mail any more. */
const GIVE_UP_DAYS = 5;

/** What a mail is made of; none of it changes between two tries. */
export interface Draft {
  readonly subject: string;
  readonly text: string;
  readonly date: Date;
  /** Whose mail notifier sends it. */
  readonly workerName: string;
}

/** One kind of thing that people are told of by mail. All strings but `kind` are SQL. */
export interface Mailbox<Facts> {
  /** Of its deadlines: a row each as long as somebody is to be told. */
  readonly kind: "worker-mail" | "notice";
  /** The table of recipients, and its column for what they are told of. */
  readonly mails: "worker_mail" | "notice_mail";
  readonly of: "loss_id" | "notice_id";
  /** A select of the id of $1, once its recipients are known; whoever claims holds the row. */
  readonly known: string;
  /** Columns and tables of `Facts`, `orgId` and `messageId` for $1. */
  readonly facts: string;
  /** Further statements over `written`, the recipients that were tried; $6 is who did it. */
  readonly remembered?: string;
  draft(facts: Facts, publicUrl: string): Draft;
}

export type Claimed<Facts> = Facts & {
  readonly orgId: OrgId;
  readonly messageId: string;
  /** All whom it is for, in a fixed order. */
  readonly to: readonly string[];
  /** Those to be tried now. */
  readonly open: readonly string[];
};

export interface Tried {
  readonly recipient: string;
  readonly isSent: boolean;
  /** The mail server's words. */
  readonly answer: string;
  /** There is nobody to try with. */
  readonly isHopeless: boolean;
}

const IS_OPEN = "m.sent_at is null and m.given_up_at is null";

/** What somebody is to be told of now. */
export async function dueMails<Id extends number>(
  q: Queryable,
  { kind }: Pick<Mailbox<never>, "kind">,
): Promise<Id[]> {
  const rows = await q.rows<{ id: Id }>({
    name: `${kind}-due`,
    text: `select subject_id as id from deadline where kind = '${kind}' and fire_at <= now() order by fire_at limit 500`,
  });
  return rows.map(({ id }) => id);
}

/** @returns null when nobody is to be told now, or somebody else is at it */
export async function claimMails<Facts>(
  q: Queryable,
  { kind, mails, of, known, facts }: Mailbox<Facts>,
  id: number,
): Promise<Claimed<Facts> | null> {
  const [row] = await q.rows<Claimed<Facts>>(
    {
      name: `claim-${kind}`,
      text: `with held as (${known} for update),
        claimed as (
          update ${mails} m set attempts = attempts + 1, claimed_until = now() + interval '${CLAIM_SECONDS} seconds'
          from held where m.${of} = held.id and ${IS_OPEN}
            and m.next_try_at <= now() and (m.claimed_until is null or m.claimed_until <= now())
          returning m.org_id, m.recipient),
        later as (${later(kind, `now() + interval '${CLAIM_SECONDS} seconds'`, "whoever sent the mail did not end", "claimed")}),
        over as (
          delete from deadline where kind = '${kind}' and subject_id = $1 and exists (select from held)
            and not exists (select from ${mails} m where m.${of} = $1 and ${IS_OPEN})),
        facts as (select ${facts})
        select facts.*, (select json_agg(recipient order by id) from ${mails} where ${of} = $1) as "to",
          (select json_agg(recipient) from claimed) as open
        from facts where exists (select from claimed)`,
    },
    [id],
  );
  return row ?? null;
}

/** @returns seconds until the next try, null when there is none */
export async function recordTries(
  q: Queryable,
  { kind, mails, of, remembered }: Mailbox<never>,
  id: number,
  tries: readonly Tried[],
  actor: string,
): Promise<number | null> {
  const [row] = await q.rows<{ wait: number | null }>(
    {
      name: `record-${kind}`,
      text: `with tried as (
          select * from unnest($2::text[], $3::boolean[], $4::text[], $5::boolean[]) as t (recipient, is_sent, answer, is_hopeless)),
        written as (
          update ${mails} m set claimed_until = null, last_answer = t.answer,
            sent_at = case when t.is_sent then now() end,
            given_up_at = case when not t.is_sent
              and (t.is_hopeless or m.created_at < now() - interval '${GIVE_UP_DAYS} days') then now() end,
            next_try_at = now() + make_interval(secs =>
              least(${FIRST_WAIT_SECONDS} * 2 ^ least(m.attempts - 1, 10), ${LONGEST_WAIT_SECONDS}))
          from tried t, ${mails} old
          where m.${of} = $1 and m.recipient = t.recipient and old.id = m.id and ${IS_OPEN}
          returning m.org_id, m.recipient, m.sent_at, m.given_up_at, m.next_try_at, m.last_answer, old.last_answer as said_before),
        waiting as (
          select org_id, next_try_at from written where sent_at is null and given_up_at is null
          union all
          select m.org_id, greatest(m.next_try_at, m.claimed_until) from ${mails} m
          where m.${of} = $1 and ${IS_OPEN} and m.recipient not in (select recipient from written)),
        later as (${later(kind, "min(next_try_at)", "the mail server did not take it", "waiting")}),
        over as (
          delete from deadline where kind = '${kind}' and subject_id = $1 and not exists (select from waiting))
        ${remembered ? `, ${remembered}` : ""}
        select ceil(extract(epoch from min(next_try_at) - now()))::int as wait from waiting`,
    },
    [
      id,
      tries.map(({ recipient }) => recipient),
      tries.map(({ isSent }) => isSent),
      tries.map(({ answer }) => answer),
      tries.map(({ isHopeless }) => isHopeless),
      ...(remembered ? [actor] : []),
    ],
  );
  return row?.wait ?? null;
}

/** When somebody is to look again, if there is anything in `from`. */
const later = (kind: string, at: string, reason: string, from: string) => `
  insert into deadline (org_id, kind, subject_id, fire_at, reason)
  select org_id, '${kind}', $1, ${at}, '${reason}' from ${from} group by org_id
  on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason`;
