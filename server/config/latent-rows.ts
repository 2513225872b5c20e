/**
 * The lives of latent workers, as rows beside theirs. One that becomes latent has one from then on; one
 * that becomes static again keeps it, with its generations, and its machine is let go. Whoever
 * drives latent workers looks at those that were written here; as many statements for a thousand as
 * for one.
 */
import type { Queryable } from "../db/pool";
import { Batch } from "../db/transition";
import type { OrgId } from "../domain/ids";
import { buildWaitSeconds, isLatentType } from "../drivers/driver-schema";

interface WrittenWorker {
  readonly name: string;
  readonly kind: string;
  readonly config: object;
}

/**
 * @param written workers that were added or changed
 * @param removed names of those that are no more
 */
export async function writeLatent(
  tx: Queryable,
  orgId: OrgId,
  written: readonly WrittenWorker[],
  removed: readonly string[],
): Promise<void> {
  if (written.length + removed.length === 0) return;
  const latent = written.filter(({ kind }) => isLatentType(kind));
  if (latent.length > 0) await makeLatent(tx, orgId, latent);
  const others = written.filter(({ kind }) => !isLatentType(kind)).map(({ name }) => name);
  await tx.rows(
    `with concerned as (
       select l.id, w.id as worker_id, w.name from latent_worker l join worker w on w.id = l.worker_id
       where w.org_id = $1 and (w.name = any($2) or w.name = any($3) or w.name = any($4))),
     static as (
       update latent_worker l set is_latent = false from concerned c where l.id = c.id and c.name = any($3))
     insert into deadline (org_id, kind, subject_id, fire_at, reason)
     select $1, 'latent-worker', worker_id, now(), 'its configuration has changed' from concerned
     on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason`,
    [orgId, latent.map(({ name }) => name), others, removed],
  );
}

async function makeLatent(
  tx: Queryable,
  orgId: OrgId,
  workers: readonly WrittenWorker[],
): Promise<void> {
  const batch = new Batch(orgId);
  const names = batch.value(
    workers.map(({ name }) => name),
    "text[]",
  );
  const seconds = batch.value(
    workers.map(({ kind, config }) => buildWaitSeconds(kind, config as Record<string, unknown>)),
    "float8[]",
  );
  const org = batch.value(orgId, "bigint");
  batch.with(
    "asked",
    `select w.id, a.seconds from unnest(${names}, ${seconds}) as a (name, seconds)
     join worker w on w.org_id = ${org} and w.name = a.name`,
  );
  batch.with(
    "known",
    `update latent_worker l set is_latent = true, build_wait_seconds = asked.seconds from asked
     where l.worker_id = asked.id returning l.worker_id, l.is_latent`,
  );
  const reason = "nothing has wanted it yet";
  const select = `select id, seconds, '${reason}' from asked
    where not exists (select from latent_worker o where o.worker_id = asked.id)`;
  batch.createAll(
    "made",
    "latent_worker",
    "insubstantiated",
    { columns: ["worker_id", "build_wait_seconds", "reason"], select },
    { reason, actor: "config" },
  );
  // Whoever is connected is no machine of ours: it goes when its builds are over.
  batch.with(
    "leaving",
    `update worker_session s set end_requested = coalesce(s.end_requested, 'drain') from asked
     where s.worker_id = asked.id and s.ended_at is null and s.generation is null`,
  );
  await batch.commit(tx);
}
