/**
 * A machine that somebody else made joins a pool (K-037): it gets a place, and a name and a password that
 * no other has. The place is the lowest that is free, or the one that it asks for by number, as the pods
 * of a StatefulSet do.
 *
 * A place is free when nobody is connected from it, its machine was away for a while, and whoever got it
 * last had time to come. Until it is given to another machine its password stays good.
 */
import type { Queryable } from "../../db/pool";
import { POOL_ROWS } from "../../db/pool-rows";
import { AppError } from "../../domain/errors";
import type { ApiTokenId, OrgId, PoolId, WorkerId } from "../../domain/ids";
import { isJoined, type PoolRow } from "../../domain/pools";
import { makePlaces } from "./places";

export interface JoinOrder {
  readonly orgId: OrgId;
  /** By its id, or by its name. */
  readonly pool: number | string;
  /** A place of its own; null: any. */
  readonly number: number | null;
  readonly sealedPassword: Buffer;
  readonly actor: string;
  /** By which it is let in; null: by a person. */
  readonly tokenId: ApiTokenId | null;
  readonly from: string | null;
}

export interface Joined {
  readonly workerId: WorkerId;
  readonly name: string;
  readonly loginName: string;
}

interface Row {
  readonly id: PoolId;
  readonly name: string;
  readonly kind: string;
  readonly most: number;
  readonly slug: string;
  readonly steering: string | null;
  readonly by: string | null;
  readonly reason: string | null;
}

/** The pool of this name or id. @throws AppError request.not-found */
export async function findPool(tx: Queryable, orgId: OrgId, pool: number | string): Promise<Row> {
  const [row] = await tx.rows<Row>(
    `select p.id, p.name, p.kind, p.max_workers as most, g.slug, p.steering, p.steered_by as by, p.steer_reason as reason
     from pool p join organization g on g.id = p.org_id
     where p.org_id = $1 and p.removed_at is null and (p.id = $2 or p.name = $3) for no key update of p`,
    [orgId, typeof pool === "number" ? pool : null, String(pool)],
  );
  if (!row) throw new AppError("request.not-found", { what: "pool" });
  return row;
}

/**
 * In the caller's transaction, in which the pool is held: of two that join, one comes after the other.
 * @throws AppError pool.full, request.conflict, worker.duplicate-session
 */
export async function joinPool(tx: Queryable, order: JoinOrder): Promise<Joined> {
  const pool = await findPool(tx, order.orgId, order.pool);
  const { name, kind, most } = pool;
  if (!isJoined(kind)) {
    const problem = `pool ${name} makes its own machines (${kind}): nobody joins it`;
    throw new AppError("request.conflict", { problem });
  }
  if (pool.steering !== null) {
    const how = pool.steering === "hold" ? "is held" : "is being drained";
    throw new AppError("pool.full", { pool: name, why: `${how} by ${pool.by}: ${pool.reason}` });
  }
  const rows = await tx.rows<PoolRow & { name: string }>(POOL_ROWS, [[pool.id]]);
  const number = order.number ?? lowestFree(rows, most);
  const taken = rows.find((row) => row.number === number);
  // Who asks by number may begin at 0.
  const others = rows.filter((row) => row.number !== number && (row.isConnected || row.isJoined));
  const isFull = number === null || others.length >= most;
  if (isFull || number > most) {
    const why = isFull
      ? `has as many machines as it may (maxWorkers: ${most})`
      : `has places up to ${most} (maxWorkers)`;
    throw new AppError("pool.full", { pool: name, why });
  }
  if (taken?.isConnected) {
    const details = { worker: taken.name, peer: await peerOf(tx, taken.workerId) };
    throw new AppError("worker.duplicate-session", details);
  }
  const placed = { id: pool.id, orgId: order.orgId, orgSlug: pool.slug, name, kind };
  const [workerId] = await makePlaces(tx, placed, [number], order.actor);
  if (workerId === undefined) throw new Error("a place without a row");
  return take(tx, order, workerId);
}

function lowestFree(rows: readonly PoolRow[], most: number): number | null {
  const taken = new Set(
    rows
      .filter((row) => row.isConnected || row.isJoined || row.isPaused)
      .map(({ number }) => number),
  );
  for (let number = 1; number <= most; number += 1) if (!taken.has(number)) return number;
  return null;
}

/** What its last machine did wrong is not this one's fault. */
async function take(tx: Queryable, order: JoinOrder, workerId: WorkerId): Promise<Joined> {
  const [row] = await tx.rows<Joined>(
    `with taken as (
       update worker set sealed_password = $3, joined_at = now(), joined_from = $4, joined_token_id = $6, quarantined_until = null,
         quarantine_reason = null, quarantine_count = 0, is_draining = false
       where id = $2 and org_id = $1 returning id, org_id, name, login_name, pool_id),
     told as (
       insert into outbox (org_id, topic, body)
       select org_id, 'pools/' || pool_id || '/update', jsonb_build_object('id', pool_id) from taken),
     noted as (
       insert into audit_entry (org_id, actor, action, subject, detail)
       select org_id, $5, 'pool.join', name, jsonb_build_object('from', $4::text) from taken)
     select id as "workerId", name, login_name as "loginName" from taken`,
    [order.orgId, workerId, order.sealedPassword, order.from, order.actor, order.tokenId],
  );
  return row as Joined;
}

async function peerOf(tx: Queryable, workerId: number): Promise<string> {
  const [row] = await tx.rows<{ peer: string }>(
    "select s.peer from worker w join worker_session s on s.id = w.session_id where w.id = $1",
    [workerId],
  );
  return row?.peer ?? "somewhere";
}
