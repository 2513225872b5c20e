/** What a scheduler decides, carried out whole: its buildsets, what it keeps, what it remembers. */
import { jsonText } from "../../db/json-text";
import type { Queryable } from "../../db/pool";
import type { StoredChange } from "../../domain/changes";
import type { BuilderId, BuildsetId, OrgId, ProjectId, SchedulerId } from "../../domain/ids";
import type {
  BuildsetPlan,
  Classified,
  Decision,
  MakeScheduler,
  SchedulerRow,
} from "../../schedulers/contract";
import { submitBuildset } from "../submit";
import { collapseOlder } from "./collapse";

export interface StoredScheduler extends SchedulerRow {
  readonly id: SchedulerId;
  readonly orgId: OrgId;
  readonly cursor: unknown;
  readonly lastError: string | null;
}

const COLUMNS = `id, org_id as "orgId", name, kind, config, cursor, last_error as "lastError"`;

/** Those that hear of changes in this project, held for this transaction, in one order for all. */
export function loadSchedulers(
  tx: Queryable,
  orgId: OrgId,
  projectId: ProjectId | null,
): Promise<StoredScheduler[]> {
  return tx.rows(
    {
      name: "schedulers-of-project",
      text: `select ${COLUMNS} from scheduler
        where org_id = $1 and (project_id = $2::bigint or $2::bigint is null) and removed_at is null
          and is_enabled and kind <> 'ForceScheduler'
        order by id for update`,
    },
    [orgId, projectId],
  );
}

/** The scheduler when its time has come and nobody else is at it. */
export async function loadDue(
  tx: Queryable,
  id: SchedulerId,
): Promise<(StoredScheduler & { readonly now: number }) | null> {
  const [row] = await tx.rows<StoredScheduler & { now: number }>(
    {
      name: "scheduler-due",
      text: `select ${COLUMNS}, floor(extract(epoch from now()) * 1000)::bigint as now from scheduler
        where id = $1 and fire_at <= now() and removed_at is null and is_enabled for update skip locked`,
    },
    [id],
  );
  return row ?? null;
}

/** One that cannot decide says so on its page and does not keep others from deciding. */
export async function carryOut(
  tx: Queryable,
  row: StoredScheduler,
  moment: {
    readonly now: number;
    readonly changes: readonly StoredChange[];
    /** Its own time has come: whatever it decides, it says when it is to be woken next. */
    readonly isWoken?: boolean;
  },
  makeScheduler: MakeScheduler,
): Promise<BuildsetId[]> {
  let decision: Decision;
  try {
    const scheduler = makeScheduler(row);
    if (!scheduler) return [];
    const changes = moment.changes.flatMap((change): Classified[] => {
      const classified = scheduler.classify(change);
      return classified ? [{ change, ...classified }] : [];
    });
    const lines = scheduler.due(row.cursor, moment.now);
    if (changes.length === 0 && lines.length === 0 && !moment.isWoken) return [];
    const kept = lines.length === 0 ? [] : await loadKept(tx, row.id, lines);
    decision = scheduler.decide({ cursor: row.cursor, now: moment.now, changes, kept });
  } catch (error) {
    if (isDatabaseError(error)) throw error;
    await fail(tx, row.id, error);
    return [];
  }
  return save(tx, row, decision);
}

async function save(
  tx: Queryable,
  row: StoredScheduler,
  decision: Decision,
): Promise<BuildsetId[]> {
  await remember(tx, row, decision);
  const builderIds = await findBuilders(tx, row.orgId, decision.buildsets);
  const made: BuildsetId[] = [];
  const missing = new Set<string>();
  for (const plan of decision.buildsets) {
    for (const name of plan.builderNames) if (!builderIds.has(name)) missing.add(name);
    const ids = plan.builderNames.flatMap((name) => builderIds.get(name) ?? []);
    if (ids.length > 0) made.push(await submit(tx, row, plan, [...new Set(ids)]));
  }
  const problem =
    missing.size === 0 ? null : `there is no builder ${[...missing].slice(0, 10).join(", ")}`;
  if (problem !== row.lastError && decision.buildsets.length > 0) {
    await tx.rows("update scheduler set last_error = $2 where id = $1", [row.id, problem]);
  }
  return made;
}

async function remember(tx: Queryable, row: StoredScheduler, decision: Decision): Promise<void> {
  const { keep } = decision;
  await tx.rows(
    {
      name: "remember-decision",
      text: `with forgotten as (
          delete from scheduler_change where scheduler_id = $1 and line = any($3::text[])),
        kept as (
          insert into scheduler_change (org_id, scheduler_id, change_id, line, is_important)
          select $2, $1, k.change_id, k.line, k.is_important
          from unnest($4::bigint[], $5::text[], $6::boolean[]) as k (change_id, line, is_important)),
        told as (
          insert into outbox (org_id, topic, body)
          values ($2, 'schedulers/' || $1::bigint || '/updated', jsonb_build_object('id', $1::bigint)))
        update scheduler set cursor = $7, fire_at = to_timestamp($8::float8 / 1000),
          fired_at = case when $9 then now() else fired_at end
        where id = $1`,
    },
    [
      row.id,
      row.orgId,
      decision.done,
      keep.map(({ change }) => change.id),
      keep.map(({ line }) => line),
      keep.map(({ isImportant }) => isImportant),
      jsonText(decision.cursor),
      decision.fireAt,
      decision.buildsets.length > 0,
    ],
  );
}

async function submit(
  tx: Queryable,
  row: StoredScheduler,
  plan: BuildsetPlan,
  builderIds: readonly BuilderId[],
): Promise<BuildsetId> {
  const actor = `scheduler ${row.name}`;
  const { buildsetId, requestIds } = await submitBuildset(tx, {
    ...plan,
    orgId: row.orgId,
    builderIds,
    owner: null,
    scheduler: row.name,
    rebuiltBuildId: null,
    idempotencyKey: `scheduler ${row.id} ${plan.key}`,
    actor,
  });
  for (const requestId of Object.values(requestIds)) {
    await collapseOlder(tx, row.orgId, requestId, actor);
  }
  return buildsetId;
}

async function findBuilders(
  tx: Queryable,
  orgId: OrgId,
  plans: readonly BuildsetPlan[],
): Promise<Map<string, BuilderId>> {
  const names = [...new Set(plans.flatMap(({ builderNames }) => builderNames))];
  if (names.length === 0) return new Map();
  const rows = await tx.rows<{ id: BuilderId; name: string }>(
    {
      name: "builders-by-name",
      text: `select id, name from builder
        where org_id = $1 and name = any($2) and removed_at is null and current_config_id is not null`,
    },
    [orgId, names],
  );
  return new Map(rows.map(({ id, name }) => [name, id]));
}

/** What a buildset needs of them; their texts and files were looked at when they came. */
async function loadKept(
  tx: Queryable,
  id: SchedulerId,
  lines: readonly string[],
): Promise<Classified[]> {
  const rows = await tx.rows<StoredChange & { line: string; isImportant: boolean }>(
    {
      name: "changes-kept",
      text: `select c.id, c.author, c.committer, '' as comments, '{}'::text[] as files, 0 as "fileCount", c.revision,
          c.branch, c.repository, c.project, c.codebase, c.category, c.revlink, c.properties,
          floor(extract(epoch from c.when_at) * 1000)::bigint as when, k.line, k.is_important as "isImportant"
        from scheduler_change k join change c on c.id = k.change_id
        where k.scheduler_id = $1 and k.line = any($2) order by c.id`,
    },
    [id, lines],
  );
  return rows.map(({ line, isImportant, ...change }) => ({ change, line, isImportant }));
}

async function fail(tx: Queryable, id: SchedulerId, error: unknown): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  // It would be due again and again.
  await tx.rows("update scheduler set last_error = $2, fire_at = null where id = $1", [
    id,
    message.slice(0, 2_000),
  ]);
}

/** The transaction is lost; the caller tries again. */
function isDatabaseError(error: unknown): boolean {
  return typeof (error as { code?: unknown }).code === "string";
}
