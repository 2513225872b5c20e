/**
 * Schedulers and change sources as rows: added, changed, or marked as removed; never deleted. What
 * they remember stays, so that one that comes back goes on where it was.
 */
import type { Queryable } from "../db/pool";
import type { ForceOptions } from "../domain/force";
import type { OrgId, ProjectId } from "../domain/ids";
import { type Changes, noteWritten } from "./changes";
import { canonicalJson } from "./compile";
import { forceCodebases } from "./force-codebases";
import {
  type Placed,
  type ProjectCodebase,
  placedChangeSources,
  placedSchedulers,
  projectCodebases,
} from "./placed";
import type { Documents } from "./schema";

interface Row {
  id: number;
  name: string;
  project_id: ProjectId | null;
  kind: string;
  config: unknown;
  gone: boolean;
}

type Projects = Documents["projects"];
type ProjectIds = ReadonlyMap<string, ProjectId>;

export function writeSchedulers(
  tx: Queryable,
  orgId: OrgId,
  projects: Projects,
  projectIds: ProjectIds,
  changes: Changes,
): Promise<void> {
  const placed = placedSchedulers(projects).map((one) => ({
    ...one,
    options: withCodebases(one, projects),
  }));
  return writeRows(tx, orgId, "scheduler", placed, projectIds, changes);
}

export function writeChangeSources(
  tx: Queryable,
  orgId: OrgId,
  projects: Projects,
  projectIds: ProjectIds,
  changes: Changes,
): Promise<void> {
  const placed = placedChangeSources(projects).map((one) => ({
    ...one,
    options: withCodebase(one, projects),
  }));
  return writeRows(tx, orgId, "change_source", placed, projectIds, changes);
}

/** A scheduler that does not say otherwise builds the codebases of its project. */
function withCodebases({ project, options }: Placed, projects: Projects): Placed["options"] {
  const codebases = projectCodebases(projects[project]);
  if (options.type === "ForceScheduler") {
    const asked = forceCodebases(options.codebases as ForceOptions["codebases"], codebases);
    return asked ? { ...options, codebases: asked } : options;
  }
  if (codebases === null || options.codebases !== undefined) return options;
  const stamp = ({ repository, ...rest }: ProjectCodebase) => ({
    ...rest,
    ...(repository === undefined ? {} : { repository: firstOf(repository) }),
  });
  return {
    ...options,
    codebases: Object.fromEntries([...codebases].map(([name, given]) => [name, stamp(given)])),
  };
}

/** A source that does not say otherwise serves the codebase that lives in its repository. */
function withCodebase({ project, options }: Placed, projects: Projects): Placed["options"] {
  if (options.codebase !== undefined) return options;
  const [found] = [...(projectCodebases(projects[project]) ?? [])].filter(([, { repository }]) =>
    [repository ?? []].flat().includes(options.repourl as string),
  );
  return found ? { ...options, codebase: found[0] } : options;
}

const firstOf = (repository: string | readonly string[]): string =>
  typeof repository === "string" ? repository : (repository[0] ?? "");

const DUE = `update change_source set fire_at = now(), last_error = null, failing_since = null
  where org_id = $1 and name = any($2)`;

async function writeRows(
  tx: Queryable,
  orgId: OrgId,
  table: "scheduler" | "change_source",
  placed: readonly Placed[],
  projectIds: ProjectIds,
  changes: Changes,
): Promise<void> {
  const what = table.replace("_", " ");
  const rows = await tx.rows<Row>(
    `select id, name, project_id, kind, config, removed_at is not null as gone from ${table} where org_id = $1`,
    [orgId],
  );
  const known = new Map(rows.map((row) => [row.name, row]));
  const written = placed.flatMap(({ project, name, options }) => {
    const { type, name: _, ...config } = options;
    const projectId = projectIds.get(project) ?? null;
    const row = known.get(name);
    const isSame =
      row &&
      !row.gone &&
      row.kind === type &&
      row.project_id === projectId &&
      canonicalJson(row.config) === canonicalJson(config);
    if (isSame) return [];
    noteWritten(changes, `${what} ${name}`, row);
    return [{ project_id: projectId, name, kind: type, config }];
  });
  if (written.length > 0) {
    await tx.rows(
      `insert into ${table} (org_id, project_id, name, kind, config)
       select $1, w.* from jsonb_to_recordset($2::jsonb)
         as w (project_id bigint, name text, kind text, config jsonb)
       on conflict (org_id, name) do update set project_id = excluded.project_id,
         kind = excluded.kind, config = excluded.config, removed_at = null`,
      [orgId, JSON.stringify(written)],
    );
    // A source is looked at as soon as it is configured: the first time only to know where it is.
    if (table === "change_source") await tx.rows(DUE, [orgId, written.map(({ name }) => name)]);
  }
  const wanted = new Set(placed.map(({ name }) => name));
  const removed = rows.filter((row) => !row.gone && !wanted.has(row.name));
  if (removed.length === 0) return;
  await tx.rows(`update ${table} set removed_at = now() where id = any($1)`, [
    removed.map((row) => row.id),
  ]);
  changes.removed.push(...removed.map((row) => `${what} ${row.name}`));
}
