/**
 * Who is told of notices. A notice is closed with its recipients before any mail server is asked: what
 * its mail is made of does not change any more.
 */
import type { Queryable } from "../../db/pool";
import type { Mailbox } from "../mails/mailbox";
import { type TellContext, tell } from "../mails/tell";
import { type NoticeFacts, noticeText } from "./letter";

export const NOTICES: Mailbox<NoticeFacts & { readonly closedAt: Date }> = {
  kind: "notice",
  mails: "notice_mail",
  of: "notice_id",
  known: "select id from notice where id = $1 and closed_at is not null",
  facts: `n.org_id as "orgId", n.kind, n.subject_id as "subjectId", n.worker_name as "workerName", n.subject, n.body, n.count,
      n.first_at as "firstAt", n.last_at as "lastAt", n.closed_at as "closedAt", n.message_id as "messageId",
      o.slug as "orgSlug", o.name as "orgName"
    from notice n join organization o on o.id = n.org_id where n.id = $1`,
  draft: (facts, publicUrl) => ({
    subject: facts.subject,
    text: noticeText(facts, publicUrl),
    date: facts.closedAt,
    workerName: facts.workerName,
  }),
};

/** @param host ours, for the ids of mails */
export async function tellNotice(context: TellContext, id: number, host: string): Promise<void> {
  await close(context.db, id, host);
  await tell(context, NOTICES, id);
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
