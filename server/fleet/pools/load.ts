/** Pools as they stand, on the database's clock: what is decided of their size is decided from this. */
import type { Queryable } from "../../db/pool";
import { POOL_ROWS } from "../../db/pool-rows";
import type { OrgId, PoolId } from "../../domain/ids";
import type { LockAccess } from "../../domain/locks";
import {
  isJoined,
  JUDGED_MINUTES,
  JUDGED_STARTS,
  POOL_DEFAULTS,
  type PoolFacts,
  type PoolOptions,
  type PoolRow,
  type Starts,
} from "../../domain/pools";
import { loadRoom, poolHoursSql } from "../caps";

export interface Pool {
  readonly id: PoolId;
  readonly orgId: OrgId;
  readonly orgSlug: string;
  readonly name: string;
  readonly kind: string;
  readonly locks: readonly LockAccess[];
  readonly facts: PoolFacts;
  readonly starts: Starts;
  readonly backoffCount: number;
  /** The budget was counted anew just now: to be kept. */
  readonly countedHours: number | null;
  /** What was said of it last. */
  readonly figures: unknown;
}

interface Row extends Omit<Pool, "facts" | "starts" | "countedHours"> {
  readonly now: number;
  readonly config: Partial<PoolOptions>;
  readonly steering: PoolFacts["steering"];
  readonly backoffUntil: number | null;
  readonly backoffCode: string | null;
  readonly backoffReason: string | null;
  readonly budgetHours: number | null;
  readonly isBudgetStale: boolean;
}

const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;
const BUDGET_SECONDS = 60;

/** Held to the end of the transaction: of two that size the same pools, one comes after the other. */
const POOLS = {
  name: "pools-to-size",
  text: `select p.id, p.org_id as "orgId", g.slug as "orgSlug", p.name, p.kind, p.locks, p.config, p.figures,
      ${ms("clock_timestamp()")} as now, p.backoff_count as "backoffCount",
      case when p.steering is not null then jsonb_build_object('how', p.steering, 'by', p.steered_by,
        'reason', p.steer_reason) end as steering,
      ${ms("p.backoff_until")} as "backoffUntil", p.backoff_code as "backoffCode", p.backoff_reason as "backoffReason",
      p.budget_hours as "budgetHours", coalesce(p.budget_checked_at < now() - interval '${BUDGET_SECONDS} seconds'
        or date_trunc('day', p.budget_checked_at at time zone 'UTC') <> date_trunc('day', now() at time zone 'UTC'), true) as "isBudgetStale"
    from pool p join organization g on g.id = p.org_id
    where p.org_id = $1 and p.removed_at is null order by p.id for no key update of p`,
};

export async function hasPools(q: Queryable, orgId: OrgId): Promise<boolean> {
  const rows = await q.rows(
    {
      name: "has-pools",
      text: "select from pool where org_id = $1 and removed_at is null limit 1",
    },
    [orgId],
  );
  return rows.length > 0;
}

/** @param tx a transaction: the pools are held until it ends */
export async function loadPools(tx: Queryable, orgId: OrgId): Promise<Pool[]> {
  const rows = await tx.rows<Row>(POOLS, [orgId]);
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const workers = await tx.rows<PoolRow & { poolId: PoolId }>(
    { name: "pool-rows", text: POOL_ROWS },
    [ids],
  );
  const ends = await tx.rows<Starts & { poolId: PoolId }>(STARTS, [ids]);
  const rated = rows.filter(({ config }) => config.scaleUpRate);
  const asked = rated.length === 0 ? [] : await askedOf(tx, rated);
  const room = await loadRoom(tx, orgId);
  const organization =
    room.left === null
      ? null
      : {
          left: room.left,
          sentence:
            room.reached?.sentence ??
            `shares the machines of its organisation: ${room.left} are left`,
        };
  const pools: Pool[] = [];
  for (const row of rows) {
    const options = optionsOf(row.config);
    const counted = row.isBudgetStale && options.budget ? await usedHours(tx, row, options) : null;
    const own = workers.filter(({ poolId }) => poolId === row.id);
    const isLatent = !isJoined(row.kind);
    // A worker of before its pool was of this kind is made anew.
    const present = own.filter(({ state }) => (state !== null) === isLatent);
    const on = (...states: string[]) =>
      present.filter(({ state }) => state !== null && states.includes(state)).length;
    pools.push({
      ...row,
      countedHours: counted,
      starts: ends.find(({ poolId }) => poolId === row.id) ?? NO_STARTS,
      facts: {
        ...{ now: row.now, isJoined: !isLatent, options, steering: row.steering, organization },
        backoff:
          row.backoffUntil === null
            ? null
            : {
                until: row.backoffUntil,
                code: row.backoffCode,
                reason: row.backoffReason ?? "",
                onTrial: on("substantiating", "starting", "resubstantiating"),
              },
        starts: asked.filter(({ poolId }) => poolId === row.id).map(({ at }) => at),
        wanted: on("substantiating", "resubstantiating"),
        budget: options.budget
          ? {
              usedHours: counted ?? row.budgetHours ?? 0,
              periodEndsAt: periodEnd(row.now, options),
            }
          : null,
        rows: present,
      },
    });
  }
  return pools;
}

export function optionsOf(config: Partial<PoolOptions>): PoolOptions {
  return { ...POOL_DEFAULTS, ...config };
}

const NO_STARTS: Starts = { attached: 0, failed: 0, code: null, reason: null };

/** Of the last starts that ended, asked for since the pool was judged last. */
const STARTS = {
  name: "pool-starts",
  text: `select p.id as "poolId", (count(*) filter (where not i.is_failed))::int as attached,
      (count(*) filter (where i.is_failed))::int as failed,
      (array_agg(i.failure_code order by i.ended_at desc) filter (where i.is_failed))[1] as code,
      (array_agg(i.end_reason order by i.ended_at desc) filter (where i.is_failed))[1] as reason
    from pool p cross join lateral (
      select i.is_failed, i.failure_code, i.end_reason, coalesce(i.connected_at, i.stopping_at) as ended_at from instance i
      where i.pool_id = p.id and (i.connected_at is not null or i.is_failed)
        and coalesce(i.connected_at, i.stopping_at) > now() - interval '${JUDGED_MINUTES} minutes'
        and i.created_at >= p.judged_since
      order by coalesce(i.connected_at, i.stopping_at) desc limit ${JUDGED_STARTS}) i
    where p.id = any($1) group by p.id`,
};

function askedOf(tx: Queryable, pools: readonly { readonly id: PoolId }[]) {
  return tx.rows<{ poolId: PoolId; at: number }>(
    {
      name: "pool-machines-of-a-minute",
      text: `select pool_id as "poolId", ${ms("created_at")} as at from instance
        where pool_id = any($1) and created_at > now() - interval '1 minute' order by created_at`,
    },
    [pools.map(({ id }) => id)],
  );
}

async function usedHours(tx: Queryable, pool: Row, { budget }: PoolOptions): Promise<number> {
  const per = budget?.per ?? "day";
  const text = `select ${poolHoursSql("$1", "$2", per)} as hours`;
  const [row] = await tx.rows<{ hours: number }>({ name: `pool-hours-${per}`, text }, [
    pool.orgId,
    pool.id,
  ]);
  return row?.hours ?? 0;
}

function periodEnd(now: number, { budget }: PoolOptions): number {
  const at = new Date(now);
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  return budget?.per === "month" ? Date.UTC(year, month + 1, 1) : Date.UTC(year, month, day + 1);
}
