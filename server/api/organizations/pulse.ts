import { only } from "../../db/pool";
import type { OrgScope } from "../trpc";

export interface Pulse {
  running: number;
  pending: number;
  workers: number;
  connected: number;
  /** Latent workers that have no machine because nothing wants one. */
  dormant: number;
}

/** Four counts, each from an index of what is unfinished. */
export async function pulse(org: OrgScope): Promise<Pulse> {
  const rows = await org.within((tx) =>
    tx.rows<Pulse>(
      `select (select count(*) from build where org_id = $1 and state <> 'finished') as running,
              (select count(*) from build_request where org_id = $1 and state = 'pending') as pending,
              count(*) as workers, count(session_id) as connected,
              (select count(*) from latent_worker l where l.org_id = $1 and l.is_latent and l.state = 'insubstantiated')
                as dormant
       from worker where org_id = $1 and removed_at is null`,
      [org.orgId],
    ),
  );
  return only(rows);
}
