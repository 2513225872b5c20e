/**
 * What people are to be told of machines, as rows. What happens again before it was told is counted, so
 * that a cloud that is away for a night is a mail an hour, with a number in it.
 */

import type { Queryable } from "../../db/pool";
import type { Batch } from "../../db/transition";
import type { OrgId } from "../../domain/ids";
import { type CapState, dayOf } from "../../domain/instances";
import { STOP_ALARM_SECONDS } from "../../domain/latent";

export type NoticeKind = "substantiation-failed" | "stop-failing" | `limit ${string}`;

/** W-076: at most one an hour for each worker. */
const HOUR = "interval '1 hour'";

/** Somebody looks at it when its time has come. @param from a named statement with id, org_id, due_at */
const dueSql = (from: string) =>
  `insert into deadline (org_id, kind, subject_id, fire_at, reason)
   select org_id, 'notice', id, due_at, 'people are to be told' from ${from}
   on conflict (kind, subject_id) do nothing`;

/**
 * W-076, as part of the statement that says so; those whose addresses are not configured have nobody to
 * be told.
 * @param failed the named statement whose rows are the latent workers
 */
export function noteFailure(batch: Batch, failed: string, reason: string): void {
  batch.with(
    "notice",
    `insert into notice (org_id, kind, subject_id, worker_name, subject, body, due_at)
     select w.org_id, 'substantiation-failed', w.id, w.name, 'Buildbot worker ' || w.name || ' missing', ${batch.value(reason, "text")},
       greatest(now(), (select max(n.closed_at) + ${HOUR} from notice n
         where n.org_id = w.org_id and n.kind = 'substantiation-failed' and n.subject_id = w.id))
     from ${failed} x join worker w on w.id = x.worker_id
     where w.removed_at is null and coalesce(w.config->'notify_on_missing', '[]') not in ('[]', '""')
     on conflict (org_id, kind, subject_id) where closed_at is null
     do update set count = notice.count + 1, last_at = now(), body = excluded.body
     returning id, org_id, due_at`,
  );
  batch.with("notice_due", dueSql("notice"));
}

/** Once a day (UTC) for each limit. */
export async function noteReached(
  q: Queryable,
  orgId: OrgId,
  { cap, sentence }: CapState,
): Promise<void> {
  await q.rows(
    {
      name: "note-limit",
      text: `with made as (
          insert into notice (org_id, kind, subject_id, subject, body)
          select $1, 'limit ' || $2::text, $1, 'Buildbot: no more machines (' || $2::text || ')', $3
          where not exists (select from notice n where n.org_id = $1 and n.kind = 'limit ' || $2::text and n.subject_id = $1
            and n.first_at >= $4::date::timestamp at time zone 'UTC')
          on conflict do nothing returning id, org_id, due_at)
        ${dueSql("made")}`,
    },
    [orgId, cap, sentence, dayOf(Date.now())],
  );
}

/**
 * Machines that refuse to go for a quarter of an hour cost money by the hour: one mail a day for each
 * organisation, with all of them.
 */
export async function noteOverdueStops(q: Queryable): Promise<void> {
  await q.rows({
    name: "note-overdue-stops",
    text: `with overdue as (
        select i.org_id, i.key, i.last_error from instance i
        where i.state = 'stopping' and i.stop_tries > 0 and i.stopping_at <= now() - interval '${STOP_ALARM_SECONDS} seconds'
        union all
        select s.org_id, s.key, s.last_error from instance_sighting s
        where s.kind = 'orphan' and s.stop_asked_at <= now() - interval '${STOP_ALARM_SECONDS} seconds'),
      organizations as (
        select o.org_id, count(*) as count, string_agg(o.key || ': ' || coalesce(o.last_error, 'it is said to be stopped, and is still there'),
          E'\\n' order by o.key) as machines
        from (select *, row_number() over (partition by org_id order by key) as place from overdue) o
        where o.place <= 50 group by o.org_id),
      made as (
        insert into notice (org_id, kind, subject_id, subject, body)
        select o.org_id, 'stop-failing', o.org_id, 'Buildbot: machines cannot be stopped',
          'For more than ${STOP_ALARM_SECONDS / 60} minutes these machines could not be stopped; they may cost money:' || E'\\n\\n' || o.machines
        from organizations o where not exists (
          select from notice n where n.org_id = o.org_id and n.kind = 'stop-failing' and n.subject_id = o.org_id
            and (n.closed_at is null or n.closed_at > now() - interval '1 day'))
        on conflict do nothing returning id, org_id, due_at)
      ${dueSql("made")}`,
  });
}
