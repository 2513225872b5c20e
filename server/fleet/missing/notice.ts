/**
 * Workers that were away for too long (W-071 to W-073). Each loss is noticed once, whoever looks and
 * however often; whom to tell is written down in the same statement, before anybody is told.
 */
import type { Queryable } from "../../db/pool";
import { historySql } from "../../db/worker-history";
import { MISSING_SECONDS } from "../../db/worker-loss";
import type { LossId } from "../../domain/ids";
import { IS_ANY_DOOR_OPEN } from "./watch";

const AT_ONCE = 500;

const NOTICE = {
  name: "notice-missing-workers",
  text: `with due as (
      select w.id from deadline d join worker w on w.id = d.subject_id
      where d.kind = 'worker-missing' and d.fire_at <= now() and ${IS_ANY_DOOR_OPEN}
      order by d.fire_at limit ${AT_ONCE} for update of w skip locked),
    noticed as (
      update worker_loss l set noticed_at = now(), timeout_seconds = ${MISSING_SECONDS}::int,
        message_id = '<worker-missing-' || l.id || '-' || (extract(epoch from l.lost_at) * 1000)::bigint || '@' || $2::text || '>'
      from due join worker w on w.id = due.id
      where l.worker_id = w.id and l.back_at is null and l.noticed_at is null
        and w.session_id is null and w.removed_at is null
      returning l.id, l.org_id, l.worker_id, l.timeout_seconds, w.config->'notify_on_missing' as addresses),
    told_to as (
      insert into worker_mail (org_id, loss_id, recipient)
      select n.org_id, n.id, a.address from noticed n cross join lateral jsonb_array_elements_text(
        case jsonb_typeof(n.addresses) when 'array' then n.addresses
          when 'string' then jsonb_build_array(n.addresses) else '[]' end) as a (address)
      on conflict do nothing returning org_id, loss_id),
    mail_due as (
      insert into deadline (org_id, kind, subject_id, fire_at, reason)
      select distinct org_id, 'worker-mail', loss_id, now(), 'a mail about it is to be sent' from told_to
      on conflict do nothing),
    cleared as (
      delete from deadline d using due where d.kind = 'worker-missing' and d.subject_id = due.id),
    remembered as (
      ${historySql({ kind: "missing", from: "noticed", reason: "'not connected for ' || timeout_seconds || ' s'", actor: "$1" })}),
    told as (
      insert into outbox (org_id, topic, body)
      select org_id, 'workers/' || worker_id || '/missing', jsonb_build_object('id', worker_id) from noticed)
    select n.id as "lossId" from due left join noticed n on n.worker_id = due.id`,
};

/**
 * @param host ours, for the ids of mails
 * @returns how many were noticed
 */
export async function noticeDue(q: Queryable, actor: string, host: string): Promise<number> {
  let noticed = 0;
  for (;;) {
    const rows = await q.rows<{ lossId: LossId | null }>(NOTICE, [actor, host]);
    noticed += rows.filter(({ lossId }) => lossId !== null).length;
    if (rows.length < AT_ONCE) return noticed;
  }
}
