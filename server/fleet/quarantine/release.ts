/**
 * Quarantines whose time is over. They end by themselves, because whoever looks for a worker compares
 * their end with the database's clock; this says so, once, and wakes the distributor.
 */
import type { Queryable } from "../../db/pool";
import { historySql } from "../../db/worker-history";
import type { OrgId } from "../../domain/ids";

const AT_ONCE = 500;

const RELEASE = {
  name: "release-quarantines",
  text: `with due as (
      select w.id from deadline d join worker w on w.id = d.subject_id
      where d.kind = 'worker-quarantine' and d.fire_at <= now()
        and (w.quarantined_until is null or w.quarantined_until <= now())
      order by d.fire_at limit ${AT_ONCE} for update of w skip locked),
    released as (
      update worker w set quarantined_until = null, quarantine_reason = null from due
      where w.id = due.id and w.quarantined_until is not null returning w.id, w.org_id),
    cleared as (
      delete from deadline d using due where d.kind = 'worker-quarantine' and d.subject_id = due.id),
    remembered as (
      ${historySql({ kind: "released", from: "released", worker: "id", reason: "'its time was over'", actor: "$1" })}),
    told as (
      insert into outbox (org_id, topic, body)
      select org_id, 'workers/' || id || '/released', jsonb_build_object('id', id) from released)
    select org_id, (select count(*) from due)::int as due from released`,
};

/** @returns the organisations whose workers may take builds again */
export async function releaseDue(q: Queryable, actor: string): Promise<Set<OrgId>> {
  const touched = new Set<OrgId>();
  for (;;) {
    const rows = await q.rows<{ org_id: OrgId; due: number }>(RELEASE, [actor]);
    for (const { org_id } of rows) touched.add(org_id);
    if ((rows[0]?.due ?? 0) < AT_ONCE) return touched;
  }
}
