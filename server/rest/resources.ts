/**
 * The readable resources of Buildbot's REST API v2 (CORE §12), one description each. A field is a
 * piece of SQL over the resource's row `t`; nothing that a caller sends is ever part of it.
 */
import { nextQuarantineSeconds } from "../fleet";
import { bool, type Field, int, json, text, time } from "./fields";
import { POOL_FIELDS } from "./pool-fields";

/** How one object of a collection is named in a path, given the text of the segment. */
export type Selector = "id" | "id-or-name" | "number" | "number-or-name" | "slug";

export interface Resource {
  readonly table: string;
  /** Whether its rows belong to an organisation; processes belong to the installation. */
  readonly isShared?: boolean;
  readonly fields: Readonly<Record<string, Field>>;
  /** SQL over `t` that orders a list when the caller does not. */
  readonly order: string;
  /** Whether all of the organisation's may be listed. */
  readonly isListed: boolean;
  readonly root: Selector;
  /** Parent collection → how `t` belongs to the parent's id, written `$parent`. */
  readonly under: Readonly<Record<string, { readonly sql: string; readonly by: Selector }>>;
  /** SQL of `name → [value, source]`, asked for with `property=`. */
  readonly properties?: string;
}

const HAS_LEASE = "m.gone_at is null and m.lease_expires_at > now()";
/** Ids of the processes that run builds: what Buildbot calls masters. */
const MASTERS = `(select coalesce(json_agg(m.id order by m.id), '[]'::json) from process m
  where m.kind = 'socket' and ${HAS_LEASE})`;

/** Whether the parent is one of them. */
const IS_MASTER = `exists (select 1 from process m where m.id = $parent and m.kind = 'socket' and ${HAS_LEASE})`;

/** Schedulers and sources run in whichever `jobs` process comes first; those taken away in none. */
const MASTER_OF_TRIGGERS = `(select json_build_object('masterid', m.id, 'name', m.kind || '-' || m.id, 'active', true,
    'last_active', floor(extract(epoch from least(m.lease_expires_at, now())))::bigint)
  from process m where m.kind = 'jobs' and ${HAS_LEASE} and t.removed_at is null order by m.id limit 1)`;

/** `timeout`: seconds of the one it is in, or else of its next one. */
const QUARANTINE = `case when t.quarantined_until > now()
  then jsonb_build_object('until', floor(extract(epoch from t.quarantined_until))::bigint,
    'timeout', t.quarantine_seconds, 'reason', t.quarantine_reason)
  else jsonb_build_object('until', null, 'timeout', ${nextQuarantineSeconds("t")}, 'reason', null) end`;

const stampOf = (alias: string) =>
  `json_build_object('ssid', ${alias}.id, 'branch', ${alias}.branch, 'codebase', ${alias}.codebase,
    'created_at', floor(extract(epoch from ${alias}.created_at))::bigint, 'patch', ${alias}.patch,
    'project', ${alias}.project, 'repository', ${alias}.repository, 'revision', ${alias}.revision)`;

export const RESOURCES = {
  builders: {
    table: "builder",
    isListed: true,
    root: "id-or-name",
    under: {
      projects: { sql: "t.project_id = $parent", by: "id" },
      masters: { sql: `t.removed_at is null and ${IS_MASTER}`, by: "id-or-name" },
    },
    order: "t.id",
    fields: {
      builderid: int("t.id"),
      name: text("t.name"),
      description: text("nullif(t.description, '')"),
      description_format: text("null::text"),
      description_html: text("null::text"),
      masterids: json(`case when t.removed_at is null then ${MASTERS} else '[]'::json end`),
      projectid: int("t.project_id"),
      tags: { sql: "t.tags", type: "texts" },
    },
  },
  builds: {
    table: "build",
    isListed: true,
    root: "id",
    under: {
      builders: { sql: "t.builder_id = $parent", by: "number" },
      buildrequests: { sql: "t.build_request_id = $parent", by: "id" },
      workers: { sql: "t.worker_id = $parent", by: "id" },
      changes: {
        sql: "t.build_request_id in (select request_id from requests_of_change($parent))",
        by: "id",
      },
    },
    order: "t.id",
    properties: "t.properties",
    fields: {
      buildid: int("t.id"),
      builderid: int("t.builder_id"),
      buildrequestid: int("t.build_request_id"),
      complete: bool("t.state = 'finished'"),
      complete_at: time("t.complete_at"),
      locks_duration_s: int(
        `(select coalesce(sum(extract(epoch from s.locks_acquired_at - s.started_at)), 0)::int
          from step s where s.build_id = t.id and s.locks_acquired_at is not null)`,
      ),
      masterid: int("t.owner_id"),
      number: int("t.number"),
      properties: json("'{}'::json"),
      results: int("t.result"),
      started_at: time("coalesce(t.started_at, t.created_at)"),
      state_string: text("t.state_string"),
      workerid: int("t.worker_id"),
    },
  },
  buildrequests: {
    table: "build_request",
    isListed: true,
    root: "id",
    under: {
      builders: { sql: "t.builder_id = $parent", by: "id" },
      buildsets: { sql: "t.buildset_id = $parent", by: "id" },
    },
    order: "t.id",
    properties: "(select s.properties from buildset s where s.id = t.buildset_id)",
    fields: {
      buildrequestid: int("t.id"),
      builderid: int("t.builder_id"),
      buildsetid: int("t.buildset_id"),
      claimed: bool("t.claimed_at is not null and t.state <> 'pending'"),
      claimed_at: time("t.claimed_at"),
      claimed_by_masterid: int(
        `(select b.owner_id from build b where b.build_request_id = t.id and t.state <> 'pending'
          order by b.id desc limit 1)`,
      ),
      complete: bool("t.state in ('done', 'cancelled')"),
      complete_at: time("t.complete_at"),
      priority: int("t.priority"),
      properties: json("'{}'::json"),
      results: int("coalesce(t.result, -1)"),
      submitted_at: time("t.submitted_at"),
      waited_for: bool("t.is_waited_for"),
    },
  },
  buildsets: {
    table: "buildset",
    isListed: true,
    root: "id",
    under: {},
    order: "t.id",
    fields: {
      bsid: int("t.id"),
      complete: bool("t.complete_at is not null"),
      complete_at: time("t.complete_at"),
      external_idstring: text("t.external_id"),
      parent_buildid: int("t.parent_build_id"),
      parent_relationship: text("t.parent_relationship"),
      reason: text("t.reason"),
      rebuilt_buildid: int("t.rebuilt_build_id"),
      results: int("coalesce(t.result, -1)"),
      sourcestamps: json(
        `(select coalesce(json_agg(${stampOf("s")} order by s.codebase), '[]'::json)
          from buildset_source_stamp l join source_stamp s on s.id = l.source_stamp_id
          where l.buildset_id = t.id)`,
      ),
      submitted_at: time("t.submitted_at"),
    },
  },
  steps: {
    table: "step",
    isListed: false,
    root: "id",
    under: { builds: { sql: "t.build_id = $parent", by: "number-or-name" } },
    order: "t.number",
    fields: {
      stepid: int("t.id"),
      buildid: int("t.build_id"),
      complete: bool("t.state in ('finished', 'skipped')"),
      complete_at: time("t.complete_at"),
      hidden: bool("t.is_hidden"),
      locks_acquired_at: time("coalesce(t.locks_acquired_at, t.started_at)"),
      name: text("t.name"),
      number: int("t.number"),
      results: int("t.result"),
      started_at: time("t.started_at"),
      state_string: text("t.state_string"),
      urls: json("t.urls"),
    },
  },
  logs: {
    table: "log",
    isListed: false,
    root: "id",
    under: { steps: { sql: "t.step_id = $parent", by: "slug" } },
    order: "t.id",
    fields: {
      logid: int("t.id"),
      complete: bool("t.state <> 'open'"),
      name: text("t.name"),
      num_lines: int("t.line_count"),
      slug: text("t.slug"),
      stepid: int("t.step_id"),
      type: text("t.type"),
    },
  },
  workers: {
    table: "worker",
    isListed: true,
    root: "id-or-name",
    under: {
      builders: {
        sql: "exists (select 1 from builder_worker p where p.worker_id = t.id and p.builder_id = $parent)",
        by: "id-or-name",
      },
      // All processes have the same configuration.
      masters: {
        sql: `exists (select 1 from builder_worker p where p.worker_id = t.id) and ${IS_MASTER}`,
        by: "id-or-name",
      },
      pools: { sql: "t.pool_id = $parent and t.removed_at is null", by: "id-or-name" },
    },
    order: "t.id",
    fields: {
      workerid: int("t.id"),
      name: text("t.name"),
      configured_on: json(
        `(select coalesce(json_agg(json_build_object('masterid', m.id, 'builderid', p.builder_id)
            order by m.id, p.builder_id), '[]'::json)
          from builder_worker p cross join process m
          where p.worker_id = t.id and m.kind = 'socket' and ${HAS_LEASE})`,
      ),
      connected_to: json(
        `(select coalesce(json_agg(json_build_object('masterid', s.process_id)), '[]'::json)
          from worker_session s where s.id = t.session_id)`,
      ),
      graceful: bool("t.is_draining"),
      pause_reason: text("t.pause_reason"),
      paused: bool("t.paused_at is not null"),
      quarantine: json(QUARANTINE),
      workerinfo: json(
        `case when t.facts is null then '{}'::jsonb
          else '{"os_id": null, "os_id_like": null, "os_version_id": null, "os_version_codename": null}'
            || coalesce(t.facts->'info', '{}') || jsonb_build_object('numcpus', t.facts->'numcpus',
              'version', coalesce(nullif(t.facts->>'version', ''), '(unknown)')) end`,
      ),
    },
  },
  pools: {
    table: "pool",
    isListed: true,
    root: "id-or-name",
    under: {
      builders: {
        sql: "exists (select 1 from builder_pool p where p.pool_id = t.id and p.builder_id = $parent)",
        by: "id-or-name",
      },
    },
    order: "t.id",
    fields: POOL_FIELDS,
  },
  projects: {
    table: "project",
    isListed: true,
    root: "id-or-name",
    under: {},
    order: "t.id",
    fields: {
      projectid: int("t.id"),
      name: text("t.name"),
      active: bool("t.removed_at is null"),
      description: text("nullif(t.description, '')"),
      description_format: text("null::text"),
      description_html: text("null::text"),
      slug: text("t.name"),
    },
  },
  sourcestamps: {
    table: "source_stamp",
    isListed: true,
    root: "id",
    under: {
      buildsets: {
        sql: `t.id in (select l.source_stamp_id from buildset_source_stamp l where l.buildset_id = $parent)`,
        by: "id",
      },
    },
    order: "t.id",
    fields: {
      ssid: int("t.id"),
      branch: text("t.branch"),
      codebase: text("t.codebase"),
      created_at: time("t.created_at"),
      patch: json("t.patch"),
      project: text("t.project"),
      repository: text("t.repository"),
      revision: text("t.revision"),
    },
  },
  changes: {
    table: "change",
    isListed: true,
    root: "id",
    under: {
      builds: {
        sql: `t.id in (select x.change_id from build b, changes_of_request(b.build_request_id) x
          where b.id = $parent)`,
        by: "id",
      },
      buildsets: {
        sql: "t.id in (select x.change_id from buildset_change x where x.buildset_id = $parent)",
        by: "id",
      },
      sourcestamps: { sql: "t.source_stamp_id = $parent", by: "id" },
    },
    order: "t.id",
    fields: {
      changeid: int("t.id"),
      author: text("t.author"),
      branch: text("t.branch"),
      category: text("t.category"),
      codebase: text("t.codebase"),
      comments: text("t.comments"),
      committer: text("t.committer"),
      files: { sql: "t.files", type: "texts" },
      parent_changeids: json("'[]'::json"),
      project: text("t.project"),
      properties: json(
        `(select coalesce(jsonb_object_agg(p.key, jsonb_build_array(p.value, 'Change')), '{}')
          from jsonb_each(t.properties) p)`,
      ),
      repository: text("t.repository"),
      revision: text("t.revision"),
      revlink: text("t.revlink"),
      sourcestamp: json(
        `(select ${stampOf("s")} from source_stamp s where s.id = t.source_stamp_id)`,
      ),
      when_timestamp: time("t.when_at"),
    },
  },
  changesources: {
    table: "change_source",
    isListed: true,
    root: "id-or-name",
    under: {},
    order: "t.id",
    fields: {
      changesourceid: int("t.id"),
      name: text("t.name"),
      master: json(MASTER_OF_TRIGGERS),
    },
  },
  schedulers: {
    table: "scheduler",
    isListed: true,
    root: "id-or-name",
    under: {},
    order: "t.id",
    fields: {
      schedulerid: int("t.id"),
      name: text("t.name"),
      enabled: bool("t.is_enabled"),
      master: json(MASTER_OF_TRIGGERS),
    },
  },
  masters: {
    table: "process",
    isShared: true,
    isListed: true,
    root: "id",
    under: {},
    order: "t.id",
    fields: {
      masterid: int("t.id"),
      name: text("t.kind || '-' || t.id"),
      active: bool("t.gone_at is null and t.lease_expires_at > now()"),
      last_active: time("least(t.lease_expires_at, now())"),
    },
  },
} as const satisfies Record<string, Resource>;

export type ResourceName = keyof typeof RESOURCES;

export function resource(name: ResourceName): Resource {
  return RESOURCES[name];
}

export function isResourceName(name: string): name is ResourceName {
  return Object.hasOwn(RESOURCES, name);
}
