/** Who is told of losses, and what a worker's history says of that (W-075). */
import { historySql } from "../../db/worker-history";
import type { LossId } from "../../domain/ids";
import type { Mailbox } from "../mails/mailbox";
import { type TellContext, tell } from "../mails/tell";
import { type LossFacts, subjectOf, textOf } from "./letter";

export const LOSSES: Mailbox<LossFacts & { readonly noticedAt: Date }> = {
  kind: "worker-mail",
  mails: "worker_mail",
  of: "loss_id",
  known: "select id from worker_loss where id = $1",
  facts: `l.org_id as "orgId", l.message_id as "messageId", l.noticed_at as "noticedAt", l.lost_at as "lostAt",
      l.timeout_seconds as "timeoutSeconds", w.id as "workerId", w.name, w.facts->'info'->>'admin' as admin,
      w.last_seen_at is not null as "hasEverConnected", o.slug as "orgSlug", o.name as "orgName"
    from worker_loss l join worker w on w.id = l.worker_id join organization o on o.id = l.org_id where l.id = $1`,
  remembered: `noted as (
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
      select org_id, 'workers/' || worker_id || '/notified', jsonb_build_object('id', worker_id) from noted)`,
  draft: (facts, publicUrl) => ({
    subject: subjectOf(facts),
    text: textOf(facts, publicUrl),
    date: facts.noticedAt,
    workerName: facts.name,
  }),
};

export const tellOfLoss = (context: TellContext, id: LossId) => tell(context, LOSSES, id);
