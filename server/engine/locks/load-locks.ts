/** Locks with who holds them and who waits, as far as these workers are concerned: one statement. */
import type { Queryable } from "../../db/pool";
import type { OrgId } from "../../domain/ids";
import { LockBook, type LockState } from "../../domain/locks";

const HOLDER = "r.name || ' #' || b.number";
const OF_BUILD = "join build b on b.id = x.build_id join builder r on r.id = b.builder_id";

export async function loadLocks(
  q: Queryable,
  orgId: OrgId,
  names: readonly string[],
  workers: readonly number[],
): Promise<LockBook> {
  const wanted = [...new Set(names)];
  if (wanted.length === 0) return new LockBook([]);
  const locks = await q.rows<LockState>(
    {
      name: "locks",
      text: `select l.id, l.kind, l.name, l.max_count as "maxCount",
          l.max_count_for_worker as "maxCountForWorker", l.places,
          coalesce((select jsonb_agg(jsonb_build_object('scope', x.scope, 'place', x.place,
              'isExclusive', x.is_exclusive, 'buildId', x.build_id, 'stepId', x.step_id, 'holder', ${HOLDER}) order by x.since, x.place)
            from lock_owner x ${OF_BUILD} where x.lock_id = l.id and x.scope = any($3)), '[]') as owners,
          coalesce((select jsonb_agg(jsonb_build_object('scope', x.scope, 'isExclusive', x.is_exclusive,
              'count', x.count, 'stepId', x.step_id, 'holder', ${HOLDER}) order by x.id)
            from lock_waiter x ${OF_BUILD} where x.lock_id = l.id and x.scope = any($3)), '[]') as waiters
        from lock l where l.org_id = $1 and l.name = any($2) and l.removed_at is null`,
    },
    [orgId, wanted, [0, ...new Set(workers)]],
  );
  return new LockBook(locks);
}
