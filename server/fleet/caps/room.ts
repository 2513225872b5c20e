/** How far an organisation is from its limits on machines (W-144). */
import type { Queryable } from "../../db/pool";
import type { OrgId } from "../../domain/ids";
import { type InstancePolicy, type Room, roomWithin, type Used } from "../../domain/instances";
import { usedSql } from "./meter-sql";

const ROOM = {
  name: "room-for-machines",
  text: `select ${usedSql("$1")}, case when p.org_id is not null then jsonb_build_object(
      'maxInstances', p.max_instances, 'maxHoursPerDay', p.max_hours_per_day, 'maxHoursPerMonth', p.max_hours_per_month,
      'maxCostPerDay', p.max_cost_per_day, 'maxCostPerMonth', p.max_cost_per_month, 'currency', p.currency,
      'notify', p.notify, 'isDryRun', p.is_dry_run) end as policy
    from (select $1::bigint as org_id) o left join instance_policy p on p.org_id = o.org_id`,
};

export async function loadRoom(q: Queryable, orgId: OrgId): Promise<Room> {
  const [row] = await q.rows<Used & { policy: InstancePolicy | null }>(ROOM, [orgId]);
  if (!row) throw new Error("a statement without a row");
  const { policy, ...used } = row;
  return roomWithin(policy, used);
}
