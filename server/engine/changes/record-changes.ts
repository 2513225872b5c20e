/**
 * Changes enter, and every scheduler of their project makes of them what it will: in the caller's
 * transaction, so that none is stored and forgotten (C-082). What it costs follows the changes and
 * the schedulers of that project, not how many builders there are.
 */
import { jsonText } from "../../db/json-text";
import { only, type Queryable } from "../../db/pool";
import type { Change, StoredChange } from "../../domain/changes";
import type { BuildsetId, ChangeId, ChangeSourceId, OrgId, ProjectId } from "../../domain/ids";
import type { MakeScheduler } from "../../schedulers/contract";
import { type SourceStampOrder, stampHash } from "../source-stamp";
import { carryOut, loadSchedulers } from "./run-scheduler";

export interface ChangesOrder {
  readonly orgId: OrgId;
  /** Whose schedulers hear of it; null: those of every project. */
  readonly projectId: ProjectId | null;
  readonly changeSourceId: ChangeSourceId | null;
  /** Oldest first. */
  readonly changes: readonly Change[];
}

export interface Recorded {
  readonly changeIds: readonly ChangeId[];
  readonly buildsetIds: readonly BuildsetId[];
}

export async function recordChanges(
  tx: Queryable,
  order: ChangesOrder,
  makeScheduler: MakeScheduler,
): Promise<Recorded> {
  if (order.changes.length === 0) return { changeIds: [], buildsetIds: [] };
  const now = await enter(tx, order.orgId);
  const changes = await insertChanges(tx, order);
  const buildsetIds: BuildsetId[] = [];
  for (const row of await loadSchedulers(tx, order.orgId, order.projectId)) {
    buildsetIds.push(...(await carryOut(tx, row, { now, changes }, makeScheduler)));
  }
  return { changeIds: changes.map(({ id }) => id), buildsetIds };
}

/**
 * No activation of a configuration meanwhile; changes of other sources are no hindrance.
 * @returns the database's time in milliseconds
 */
export async function enter(tx: Queryable, orgId: OrgId): Promise<number> {
  const rows = await tx.rows<{ now: number }>(
    {
      name: "organisation-at-work",
      text: "select floor(extract(epoch from now()) * 1000)::bigint as now from organization where id = $1 for share",
    },
    [orgId],
  );
  return only(rows).now;
}

async function insertChanges(tx: Queryable, order: ChangesOrder): Promise<StoredChange[]> {
  const { orgId, changes } = order;
  const stamps = new Map(
    changes.map((change) => {
      const hash = stampHash(stampOf(change)).toString("hex");
      return [hash, { hash, ...stampOf(change) }];
    }),
  );
  const rows = await tx.rows<{ id: ChangeId }>(
    {
      name: "record-changes",
      text: `with stamps as (
          insert into source_stamp (org_id, hash, codebase, repository, branch, revision, project)
          select $1, decode(hash, 'hex'), codebase, repository, branch, revision, project
          from jsonb_to_recordset($4::jsonb) as s (hash text, codebase text, repository text, branch text, revision text, project text)
          order by hash
          on conflict (org_id, hash) do update set hash = excluded.hash returning id, encode(hash, 'hex') as hash),
        made as (
          insert into change (org_id, project_id, change_source_id, source_stamp_id, author, committer, comments, files,
            file_count, revision, branch, repository, project, codebase, category, revlink, properties, when_at)
          select $1, $2, $3, s.id, c.item->>'author', c.item->>'committer', c.item->>'comments',
            array(select jsonb_array_elements_text(c.item->'files')), (c.item->>'fileCount')::int, c.item->>'revision',
            c.item->>'branch', c.item->>'repository', c.item->>'project', c.item->>'codebase', c.item->>'category',
            c.item->>'revlink', c.item->'properties', to_timestamp((c.item->>'when')::float8 / 1000)
          from jsonb_array_elements($5::jsonb) with ordinality as c (item, place)
          left join stamps s on s.hash = c.item->>'stamp' order by c.place
          returning id),
        told as (
          insert into outbox (org_id, topic, body)
          select $1, 'changes/' || id || '/new', jsonb_build_object('id', id) from made order by id)
        select id from made order by id`,
    },
    [
      orgId,
      order.projectId,
      order.changeSourceId,
      jsonText([...stamps.values()]),
      jsonText(
        changes.map((change) => ({
          ...change,
          stamp: stampHash(stampOf(change)).toString("hex"),
        })),
      ),
    ],
  );
  return changes.map((change, index) => ({ ...change, id: (rows[index] as { id: ChangeId }).id }));
}

function stampOf({
  codebase,
  repository,
  branch,
  revision,
  project,
}: SourceStampOrder): SourceStampOrder {
  return { codebase, repository, branch, revision, project };
}
