import { ms } from "../sql";
import type { OrgScope } from "../trpc";

export interface SchedulerRow {
  id: number;
  name: string;
  kind: string;
  project: string | null;
  builders: string[];
  isEnabled: boolean;
  /** Seconds; null: it has none. */
  treeStableTimer: number | null;
  /** When it decides again by itself, and when it last asked for builds. */
  fireAt: number | null;
  firedAt: number | null;
  lastError: string | null;
  /** Changes that wait for its timer, and those of them that alone are worth a build. */
  kept: number;
  important: number;
}

export interface ChangeSourceRow {
  id: number;
  name: string;
  kind: string;
  project: string | null;
  repository: string;
  /** Null while it is being polled. */
  fireAt: number | null;
  isPolling: boolean;
  polledAt: number | null;
  lastError: string | null;
  failingSince: number | null;
  /** How many it follows. */
  branches: number;
}

/** What may start builds by itself, and where changes come from. */
export async function listSchedulers(org: OrgScope) {
  return org.within(async (tx) => ({
    schedulers: await tx.rows<SchedulerRow>(SCHEDULERS, [org.orgId]),
    sources: await tx.rows<ChangeSourceRow>(SOURCES, [org.orgId]),
  }));
}

const SCHEDULERS = `
  select s.id, s.name, s.kind, p.name as project, s.is_enabled as "isEnabled",
         case when jsonb_typeof(s.config->'builderNames') = 'array' then s.config->'builderNames' else '[]' end as builders,
         case when jsonb_typeof(s.config->'treeStableTimer') = 'number'
           then (s.config->>'treeStableTimer')::float8 end as "treeStableTimer",
         ${ms("s.fire_at")} as "fireAt", ${ms("s.fired_at")} as "firedAt", s.last_error as "lastError",
         k.kept, k.important
  from scheduler s left join project p on p.id = s.project_id
  cross join lateral (select count(*) as kept, count(*) filter (where is_important) as important
    from scheduler_change where scheduler_id = s.id) k
  where s.org_id = $1 and s.removed_at is null order by p.name nulls first, s.name`;

const SOURCES = `
  select s.id, s.name, s.kind, p.name as project, coalesce(s.config->>'repourl', '') as repository,
         ${ms("s.fire_at")} as "fireAt", s.poller_id is not null as "isPolling", ${ms("s.polled_at")} as "polledAt",
         s.last_error as "lastError", ${ms("s.failing_since")} as "failingSince",
         (select count(*) from jsonb_object_keys(
            case when jsonb_typeof(s.cursor->'heads') = 'object' then s.cursor->'heads' else '{}' end)) as branches
  from change_source s left join project p on p.id = s.project_id
  where s.org_id = $1 and s.removed_at is null order by p.name nulls first, s.name`;
