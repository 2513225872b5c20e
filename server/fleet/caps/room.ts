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
      'notify', p.notify, 'isDryRun', p.is_dry_run) end as policy,
      case when $2::boolean then (select count(*) from latent_worker l
        where l.org_id = $1 and l.instance_id is null and l.state = 'substantiating') else 0 end::int as wanted
    from (select $1::bigint as org_id) o left join instance_policy p on p.org_id = o.org_id`,
};

/** @param withWanted for a further wish: machines that are wanted and not ordered yet count, too */
export async function loadRoom(q: Queryable, orgId: OrgId, withWanted = false): Promise<Room> {
  type Row = Used & { policy: InstancePolicy | null; wanted: number };
  const [row] = await q.rows<Row>(ROOM, [orgId, withWanted]);
  if (!row) throw new Error("a statement without a row");
  const { policy, wanted, ...used } = row;
  return roomWithin(policy, used, wanted);
}
