/**
 * Losses of workers, in SQL: begun by the statement that ends a session, by an activation, and when
 * the doors open. A worker has at most one loss that is open; one that counts as missing already is
 * left as it is, so that nothing is said twice of it.
 */

/** Seconds after which a static worker that is not connected counts as missing; 0: never. */
const DEFAULT_SECONDS = 3_600;
/** On a row `w` of worker. */
export const MISSING_SECONDS = `coalesce((w.config->>'missing_timeout')::float8, ${DEFAULT_SECONDS})`;

/** Of a row `w` of worker: it is expected to be connected at all times. Machines of a pool come and go. */
export const IS_EXPECTED = `w.removed_at is null and w.kind in ('Worker', 'LocalWorker') and w.pool_id is null and ${MISSING_SECONDS} > 0`;

/**
 * Parts of a statement, `lost` and `missing_at`, which gives worker_id and fire_at of each new loss.
 * @param rows a select of rows of `worker w`, from `from` on
 */
export const lossSql = (rows: string): string => `
  lost as (
    insert into worker_loss as l (org_id, worker_id)
    select w.org_id, w.id ${rows} and ${IS_EXPECTED}
    on conflict (worker_id) where back_at is null
      do update set lost_at = excluded.lost_at where l.noticed_at is null
    returning l.org_id, l.worker_id, l.lost_at),
  missing_at as (
    insert into deadline (org_id, kind, subject_id, fire_at, reason)
    select l.org_id, 'worker-missing', l.worker_id, l.lost_at + make_interval(secs => ${MISSING_SECONDS}),
      'it was not connected for ' || ${MISSING_SECONDS} || ' s'
    from lost l join worker w on w.id = l.worker_id
    on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason
    returning subject_id as worker_id, fire_at)`;

/**
 * Parts of a statement for workers that are there again, the rows of `from` with org_id and `id`:
 * losses that were not noticed are forgotten, and `returned` holds those that were.
 */
export const foundSql = (from: string): string => `
  found as (
    delete from deadline d using ${from} a where d.kind = 'worker-missing' and d.subject_id = a.id),
  forgotten as (
    delete from worker_loss l using ${from} a
    where l.worker_id = a.id and l.back_at is null and l.noticed_at is null),
  returned as (
    update worker_loss l set back_at = now() from ${from} a
    where l.worker_id = a.id and l.back_at is null and l.noticed_at is not null
    returning l.org_id, l.worker_id, l.noticed_at)`;
