import { z } from "zod";
import { type Bar, bars, ms } from "../sql";
import type { OrgScope } from "../trpc";

/** Builders on one page of the board; more come by `after`. */
const PAGE = 500;

export const listBuildersInput = z.object({ after: z.string().max(500).optional() });

export interface BuilderRow {
  id: number;
  name: string;
  description: string;
  tags: string[];
  project: string | null;
  pending: number;
  workers: number;
  connected: number;
  /** Oldest first, at most 30. */
  builds: Bar[];
  /** The first bad step of the newest finished build, when that build is bad. */
  brokenStep: string | null;
  /** When the newest finished build ended, milliseconds since the epoch. */
  lastEndedAt: number | null;
}

/** Every builder of the organisation, by name: none is ever hidden. */
export async function listBuilders(org: OrgScope, input: z.output<typeof listBuildersInput>) {
  const rows = await org.within((tx) =>
    tx.rows<BuilderRow>(LIST, [org.orgId, input.after ?? "", PAGE]),
  );
  return { builders: rows, after: rows.length === PAGE ? (rows.at(-1)?.name ?? null) : null };
}

const LIST = `
  select b.id, b.name, b.description, coalesce(b.tags, '{}') as tags, p.name as project,
         (select count(*) from build_request r
          where r.org_id = b.org_id and r.builder_id = b.id and r.state = 'pending') as pending,
         w.workers, w.connected,
         ${bars("where x.builder_id = b.id order by x.number desc limit 30")} as builds,
         last.step as "brokenStep", ${ms("last.complete_at")} as "lastEndedAt"
  from builder b
  left join project p on p.id = b.project_id
  cross join lateral (
    select count(*) as workers, count(k.session_id) as connected
    from builder_worker bw join worker k on k.id = bw.worker_id
    where bw.builder_id = b.id and k.removed_at is null) w
  left join lateral (
    select f.complete_at,
           (select s.name from step s where s.build_id = f.id and f.result in (2, 4) and s.result in (2, 4)
            order by s.number limit 1) as step
    from build f where f.builder_id = b.id and f.state = 'finished'
    order by f.number desc limit 1) last on true
  where b.org_id = $1 and b.removed_at is null and b.name > $2
  order by b.name
  limit $3`;
