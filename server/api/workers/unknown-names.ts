import { distance } from "../../domain/text";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

/** Refusals looked back at. */
const LOOK_BACK = 2_000;
const SHOWN = 30;
/** Letters that a name may be wrong in to be taken for another's. */
const SLIPS = 2;

export interface UnknownName {
  name: string;
  times: number;
  /** Where it came from; a few of them. */
  peers: string[];
  firstAt: number;
  lastAt: number;
  /** A worker of this organisation whose name is nearly this one. */
  meant: { id: number; name: string } | null;
}

/** Names that nobody has, said at the doors: what was mistyped, and what guesses (W-008). */
export async function unknownNames(
  org: OrgScope,
): Promise<{ names: UnknownName[]; isVisible: boolean }> {
  return org.within(async (tx) => {
    const names = await tx.rows<Omit<UnknownName, "meant">>(UNKNOWN, []);
    const workers = await tx.rows<{ id: number; name: string }>(
      `select id, login_name as name from worker where org_id = $1 and removed_at is null`,
      [org.orgId],
    );
    const some = await tx.rows("select from organization limit 2", []);
    return {
      names: names.map((row) => ({ ...row, meant: nearestOf(row.name, workers) })),
      isVisible: org.user.isAdmin || some.length === 1,
    };
  });
}

function nearestOf<W extends { name: string }>(name: string, workers: readonly W[]): W | null {
  const said = name.toLowerCase();
  let best: { worker: W; slips: number } | null = null;
  for (const worker of workers) {
    if (Math.abs(worker.name.length - said.length) > SLIPS) continue;
    const slips = distance(said, worker.name.toLowerCase());
    if (
      slips <= Math.min(SLIPS, said.length / 3) &&
      slips < (best?.slips ?? Number.POSITIVE_INFINITY)
    ) {
      best = { worker, slips };
    }
  }
  return best?.worker ?? null;
}

/** Read from the newest on: how many lie behind does not matter. */
const UNKNOWN = `
  select d.login_name as name, count(*)::int as times, ${ms("min(d.at)")} as "firstAt", ${ms("max(d.at)")} as "lastAt",
         (array_agg(distinct d.peer))[1:3] as peers
  from (select e.login_name, e.at, e.peer, e.reason from door_event e
        where e.org_id is null order by e.id desc limit ${LOOK_BACK}) d
  where d.reason = 'unknown-name' and d.login_name is not null
  group by d.login_name order by max(d.at) desc limit ${SHOWN}`;
