/** Locks as rows: added, changed, or marked as removed; never deleted, for somebody may hold them. */
import type { Queryable } from "../db/pool";
import type { OrgId } from "../domain/ids";
import { type Changes, noteWritten } from "./changes";
import { canonicalJson } from "./compile";
import type { LockOptions } from "./schema";

interface LockRow {
  name: string;
  kind: string;
  max_count: number;
  max_count_for_worker: Readonly<Record<string, number>>;
  gone: boolean;
}

export async function writeLocks(
  tx: Queryable,
  orgId: OrgId,
  locks: readonly LockOptions[],
  changes: Changes,
): Promise<void> {
  const rows = await tx.rows<LockRow>(
    `select name, kind, max_count, max_count_for_worker, removed_at is not null as gone
     from lock where org_id = $1`,
    [orgId],
  );
  const known = new Map(rows.map((row) => [row.name, row]));
  const written = locks
    .map((lock): LockRow => {
      const own = ("maxCountForWorker" in lock ? lock.maxCountForWorker : null) ?? {};
      const { name, type: kind, maxCount = 1 } = lock;
      return { name, kind, max_count: maxCount, max_count_for_worker: own, gone: false };
    })
    .filter((lock) => canonicalJson(lock) !== canonicalJson(known.get(lock.name) ?? null));
  if (written.length > 0) {
    // Who takes it alone takes all places it ever had, so a count that shrinks leaves none to others.
    await tx.rows(
      `insert into lock (org_id, name, kind, max_count, max_count_for_worker, places)
       select $1, w.name, w.kind, w.max_count, w.max_count_for_worker, greatest(w.max_count,
         (select max(value::int) from jsonb_each_text(w.max_count_for_worker)))
       from jsonb_to_recordset($2::jsonb) as w
         (name text, kind text, max_count int, max_count_for_worker jsonb)
       on conflict (org_id, name) do update set kind = excluded.kind, removed_at = null,
         max_count = excluded.max_count, max_count_for_worker = excluded.max_count_for_worker,
         places = greatest(lock.places, excluded.places)`,
      [orgId, JSON.stringify(written)],
    );
  }
  for (const { name } of written) noteWritten(changes, `lock ${name}`, known.get(name));
  const names = new Set(locks.map(({ name }) => name));
  const removed = rows.filter((row) => !row.gone && !names.has(row.name)).map(({ name }) => name);
  if (removed.length === 0) return;
  await tx.rows("update lock set removed_at = now() where org_id = $1 and name = any($2)", [
    orgId,
    removed,
  ]);
  changes.removed.push(...removed.map((name) => `lock ${name}`));
}
