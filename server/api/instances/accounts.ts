import { ms } from "../sql";
import type { OrgScope } from "../trpc";

/** A machine as the provider listed it last. */
export interface ListedMachine {
  key: string;
  /** When the provider says it was made. */
  madeAt: number | null;
  generation: number;
  /** Its row here; null: there is none. */
  instanceId: number | null;
  /** Of that row. */
  state: string | null;
  worker: string | null;
}

/** What does not agree, as long as each sweep finds it so again. */
export interface SightingRow {
  id: number;
  kind: "orphan" | "missing";
  key: string;
  instanceId: number | null;
  why: string;
  firstAt: number;
  lastAt: number;
  /** In how many sweeps in a row. */
  times: number;
  /** When its stop was first asked for. */
  stopAskedAt: number | null;
  stopTries: number;
  lastError: string | null;
  stopRequestedBy: string | null;
}

export interface AccountRow {
  id: number;
  driver: string;
  title: string;
  /** When it was last swept; null: not yet. */
  sweptAt: number | null;
  /** Null: it is not swept any more, because no worker uses it and nothing of it was left. */
  nextAt: number | null;
  /** When the provider last answered. */
  listedAt: number | null;
  /** Its words while it does not answer, and since when. */
  error: string | null;
  errorSince: number | null;
  /** No worker of the configuration uses it any more. */
  isRemoved: boolean;
  listed: ListedMachine[];
  sightings: SightingRow[];
  /** Machines that we know there, whether listed or not. */
  ours: { instanceId: number; key: string; state: string; worker: string; isListed: boolean }[];
}

/** The accounts at providers, each with the provider's list beside ours. */
export async function accountsBeside(org: OrgScope): Promise<{ accounts: AccountRow[] }> {
  return { accounts: await org.within((tx) => tx.rows<AccountRow>(ACCOUNTS, [org.orgId])) };
}

const ACCOUNTS = {
  name: "instance-accounts",
  text: `
    select a.id, a.driver, a.title, ${ms("a.swept_at")} as "sweptAt", case when isfinite(a.next_at) then ${ms("a.next_at")} end as "nextAt",
      ${ms("a.listed_at")} as "listedAt", a.error, ${ms("a.error_since")} as "errorSince",
      a.wanted_at < now() - interval '3 minutes' as "isRemoved",
      (select coalesce(json_agg(json_build_object('key', m.key, 'madeAt', m."madeAt", 'generation', m.generation,
          'instanceId', i.id, 'state', i.state, 'worker', k.name) order by m.key), '[]')
        from jsonb_to_recordset(a.listed) as m (key text, "madeAt" float8, generation bigint)
        left join instance i on i.key = m.key and i.org_id = $1
        left join worker k on k.id = i.worker_id) as listed,
      (select coalesce(json_agg(json_build_object('id', s.id, 'kind', s.kind, 'key', s.key, 'instanceId', s.instance_id,
          'why', s.why, 'firstAt', ${ms("s.first_at")}, 'lastAt', ${ms("s.last_at")}, 'times', s.times,
          'stopAskedAt', ${ms("s.stop_asked_at")}, 'stopTries', s.stop_tries, 'lastError', s.last_error,
          'stopRequestedBy', s.stop_requested_by) order by s.id), '[]')
        from instance_sighting s where s.account_id = a.id) as sightings,
      (select coalesce(json_agg(json_build_object('instanceId', i.id, 'key', i.key, 'state', i.state, 'worker', k.name,
          'isListed', exists (select from jsonb_to_recordset(a.listed) as m (key text) where m.key = i.key)) order by i.id), '[]')
        from instance i left join worker k on k.id = i.worker_id
        where i.org_id = $1 and i.state <> 'gone' and i.account_id = a.id) as ours
    from instance_account a where a.org_id = $1 order by a.id`,
};
