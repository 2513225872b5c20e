// Guarantee: whatever lives machines had, and whatever zone the database's clock stands in, what each
// day, worker, pool and builder is charged is what the machines cost: nothing twice, nothing lost, at
// midnight, at months' ends and where local days have no midnight. Limits read the same sums, and a
// machine is charged the same while it lives and when it is gone. The model here walks through each life.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase, type Queryable } from "../../../../../server/db/pool";
import { Batch } from "../../../../../server/db/transition";
import type { OrgId } from "../../../../../server/domain/ids";
import { type Billing, costUntil, shareAmong } from "../../../../../server/domain/instances";
import { loadRoom, usageWithin } from "../../../../../server/fleet";
import { account } from "../../../../../server/fleet/caps";
import { poolHoursSql } from "../../../../../server/fleet/caps/meter-sql";
import { createTestDatabase, type TestDatabase } from "../../../../support/database";
import { type SeededRandom, seededRandom } from "../../../../support/seeded-random";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Clocks that change at midnight, both ways; a quarter of an hour off; one that skipped a whole day. */
const ZONES = [
  ...["UTC", "Asia/Kathmandu", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia"],
  ...["Europe/Berlin", "America/St_Johns"],
];
/** When those clocks change, and ends of months and years. */
const MOMENTS = [
  ...[
    "2018-11-04T03:00:00Z",
    "2018-02-18T02:00:00Z",
    "2026-03-28T22:00:00Z",
    "2026-10-24T21:00:00Z",
  ],
  ...[
    "2011-12-30T10:00:00Z",
    "2026-10-25T01:00:00Z",
    "2028-02-29T00:00:00Z",
    "2026-12-31T23:59:59Z",
  ],
].map((moment) => Date.parse(moment));

interface Build {
  readonly builder: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
}

interface Life {
  readonly worker: number;
  readonly pool: number | null;
  readonly billing: Billing;
  readonly price: number | null;
  readonly isMade: boolean;
  readonly createdAt: number;
  readonly connectedAt: number | null;
  readonly stoppingAt: number | null;
  /** Null: it lives. */
  readonly goneAt: number | null;
  readonly builds: readonly Build[];
}

let database: TestDatabase;
const open: Database[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  for (const db of open) await db.end();
  await database?.drop();
});

/** An organisation of its own, seen by a database whose clock stands in that zone. */
async function organization(zone: string) {
  const url = `${database.url}?options=${encodeURIComponent(`-c timezone=${zone}`)}`;
  const db = openDatabase({ url, max: 6, name: "test", onError: () => {} });
  open.push(db);
  const orgId = open.length as OrgId;
  await db.rows(
    "insert into organization (id, slug, name) values ($1::bigint, 'o' || $1::bigint, 'o')",
    [orgId],
  );
  return { db, orgId };
}

const one = <T>(random: SeededRandom, from: readonly T[]) => from[random.below(from.length)] as T;

function someLife(random: SeededRandom, createdAt: number, goneAt: number | null, now = 0): Life {
  const end = goneAt ?? now;
  const within = () => createdAt + random.below(Math.max(1, end - createdAt));
  const isMade = random.below(6) > 0;
  const connectedAt = isMade && random.below(4) > 0 ? within() : null;
  const stoppingAt = goneAt !== null && random.below(3) > 0 ? within() : null;
  const builds = Array.from({ length: random.below(5) }, (): Build => {
    // A third waited for it in vain; some end after it was let go, some were cut off and never ended.
    const startedAt = random.below(3) > 0 ? within() : null;
    const endedAt = random.below(4) > 0 ? (startedAt ?? within()) + random.below(5 * HOUR) : null;
    return { builder: 1 + random.below(3), startedAt, endedAt };
  });
  return {
    ...{ worker: random.below(4), pool: one(random, [null, 1, 2]), isMade, createdAt, connectedAt },
    billing: one(random, ["second", "started-hour", "free"] as const),
    price: one(random, [null, 0, 0.37, 2]),
    ...{ stoppingAt: connectedAt === null ? null : stoppingAt, goneAt, builds },
  };
}

const at = (time: number | null) => (time === null ? null : new Date(time));
let instances = 0;

/** Its row and its builds'; one that is to be gone is being stopped still. */
async function write(db: Database, orgId: OrgId, life: Life): Promise<number> {
  instances += 1;
  const serial = instances;
  return db.transaction(async (tx) => {
    // Nothing of what a build hangs on matters here.
    await tx.rows("set local session_replication_role = replica");
    const [row] = await tx.rows<{ id: number }>(
      `insert into instance (org_id, worker_id, pool_id, driver, key, state, reason, billing, price_per_hour, created_at,
         answered_at, connected_at, stopping_at)
       values ($1, $2, $3, 'Fake', $4, $5, '', $6, $7, $8, $9, $10, $11) returning id`,
      [
        ...[orgId, life.worker, life.pool, `bb-${serial}`],
        ...[life.goneAt === null ? "running" : "stopping", life.billing, life.price],
        at(life.createdAt),
        ...[at(life.isMade ? life.createdAt : null), at(life.connectedAt), at(life.stoppingAt)],
      ],
    );
    const id = row?.id ?? 0;
    for (const [index, build] of life.builds.entries()) {
      const number = serial * 10 + index;
      await tx.rows(
        `insert into build (org_id, builder_id, number, build_request_id, worker_id, worker_slot, builder_config_id, owner_id,
           state, state_string, created_at, started_at, complete_at, instance_id)
         values ($1, $2, $3::int, $3::int, $4, $3::int, 1, 1, 'finished', '', $5, $6, $7, $8)`,
        [
          ...[orgId, build.builder, number, life.worker],
          ...[at(life.createdAt), at(build.startedAt), at(build.endedAt), id],
        ],
      );
    }
    return id;
  });
}

async function goes(db: Queryable, orgId: OrgId, id: number, goneAt: number): Promise<void> {
  const batch = new Batch(orgId);
  batch.moveAll("machine", "instance", `id = ${batch.value(id, "bigint")}`, {
    ...{
      from: "stopping",
      to: "gone",
      reason: "",
      actor: "test",
      set: { gone_at: new Date(goneAt) },
    },
  });
  account(batch, "machine");
  await batch.commit(db);
}

interface Figures {
  machines: Set<Life>;
  seconds: number;
  cost: number;
}

/** By `kind subject`, then by day. */
type Accounts = Map<string, Map<string, Figures>>;

function walk(lives: readonly Life[], now: number): Accounts {
  const accounts: Accounts = new Map();
  const charge = (under: string, day: string, life: Life, seconds: number, cost: number) => {
    const days = accounts.get(under) ?? new Map<string, Figures>();
    accounts.set(under, days);
    const figures = days.get(day) ?? { machines: new Set(), seconds: 0, cost: 0 };
    days.set(day, figures);
    figures.machines.add(life);
    figures.seconds += seconds;
    figures.cost += cost;
  };
  for (const life of lives) {
    const end = life.goneAt ?? now;
    if (!life.isMade || end <= life.createdAt) continue;
    const shares = new Map(
      [...timeOf(life, now)].map(([builder, ms]) => [`builder ${builder}`, ms]),
    );
    const all = [...shares.values()].reduce((sum, ms) => sum + ms, 0);
    const split = (day: string, seconds: number, cost: number) => {
      charge("all 0", day, life, seconds, cost);
      charge(`worker ${life.worker}`, day, life, seconds, cost);
      if (life.pool !== null) charge(`pool ${life.pool}`, day, life, seconds, cost);
      if (life.price === null && life.billing !== "free")
        charge("unpriced 0", day, life, seconds, cost);
      if (all === 0) charge("builder 0", day, life, seconds, cost);
      for (const [under, ms] of shares) {
        charge(under, day, life, (seconds * ms) / all, (cost * ms) / all);
      }
    };
    const price = life.price ?? 0;
    for (let from = life.createdAt; from < end; ) {
      const to = Math.min(end, (Math.floor(from / DAY) + 1) * DAY);
      split(
        dayOf(from),
        (to - from) / 1_000,
        life.billing === "second" ? ((to - from) / HOUR) * price : 0,
      );
      from = to;
    }
    if (life.billing !== "started-hour") continue;
    for (let begun = life.createdAt; begun < end; begun += HOUR) split(dayOf(begun), 0, price);
  }
  return accounts;
}

/** Milliseconds that each builder's builds had it, until it was let go. */
function timeOf(life: Life, now: number): Map<number, number> {
  const times = new Map<number, number>();
  const { connectedAt } = life;
  if (connectedAt === null) return times;
  const end = life.stoppingAt ?? life.goneAt ?? now;
  for (const { builder, startedAt, endedAt } of life.builds) {
    if (startedAt === null) continue;
    const ms = Math.max(1, Math.min(endedAt ?? end, end) - Math.max(startedAt, connectedAt));
    times.set(builder, (times.get(builder) ?? 0) + ms);
  }
  return times;
}

const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10);

/** What the pages read of a period is what the model has of it. */
async function expectUsage(
  q: Queryable,
  orgId: OrgId,
  accounts: Accounts,
  from: string,
  to: string,
) {
  const usage = await usageWithin(q, orgId, from, to);
  const total = usage.filter(({ day }) => day === null);
  const inPeriod = [...accounts]
    .filter(([under]) => !under.startsWith("pool"))
    .map(([under, days]) => ({
      under,
      parts: [...days].flatMap(([day, figures]) => (day >= from && day <= to ? [figures] : [])),
    }))
    .filter(({ parts }) => parts.length > 0);
  expect(total.map(({ kind, subjectId }) => `${kind} ${subjectId}`).sort()).toEqual(
    inPeriod.map(({ under }) => under).sort(),
  );
  for (const { kind, subjectId, machines, seconds, cost } of total) {
    const own = inPeriod.find(({ under }) => under === `${kind} ${subjectId}`)?.parts ?? [];
    expect(machines).toBe(new Set(own.flatMap((part) => [...part.machines])).size);
    expect(seconds).toBeCloseTo(
      own.reduce((sum, part) => sum + part.seconds, 0),
      4,
    );
    expect(cost).toBeCloseTo(
      own.reduce((sum, part) => sum + part.cost, 0),
      6,
    );
  }
  for (const { day, machines, seconds, cost } of usage.filter(({ day }) => day !== null)) {
    const model = accounts.get("all 0")?.get(day ?? "");
    expect(machines).toBe(model?.machines.size);
    expect(seconds).toBeCloseTo(model?.seconds ?? -1, 4);
    expect(cost).toBeCloseTo(model?.cost ?? -1, 6);
  }
  // Workers add up to the whole; so do builders and what built nothing; so do days.
  const sum = (rows: typeof usage) => rows.reduce((all, row) => all + row.cost, 0);
  const whole = sum(total.filter(({ kind }) => kind === "all"));
  expect(sum(total.filter(({ kind }) => kind === "worker"))).toBeCloseTo(whole, 6);
  expect(sum(total.filter(({ kind }) => kind === "builder"))).toBeCloseTo(whole, 6);
  expect(sum(usage.filter(({ day }) => day !== null))).toBeCloseTo(whole, 6);
}

test.each(ZONES)("machines that are gone, accounted while the clock stands in %s", async (zone) => {
  const { db, orgId } = await organization(zone);
  const random = seededRandom(ZONES.indexOf(zone) + 1);
  const lives = Array.from({ length: 80 }, () => {
    const moment = one(random, MOMENTS) - 30 * HOUR + random.below(60 * HOUR);
    // Some begin or end with an hour, or with a day; some end at once.
    const createdAt = random.below(3) === 0 ? Math.floor(moment / HOUR) * HOUR : moment;
    const long = one(random, [
      0,
      1,
      HOUR,
      7 * HOUR,
      DAY,
      random.below(70 * HOUR),
      random.below(HOUR),
    ]);
    return someLife(random, createdAt, createdAt + long);
  });
  const ids = await Promise.all(lives.map((life) => write(db, orgId, life)));
  await Promise.all(ids.map((id, n) => goes(db, orgId, id, lives[n]?.goneAt ?? 0)));

  const accounts = walk(lives, 0);
  const rows = await db.rows<Record<string, number | string>>(
    `select kind || ' ' || subject_id as under, day::text, machines, began, seconds, cost from instance_usage where org_id = $1`,
    [orgId],
  );
  expect(rows).toHaveLength([...accounts.values()].reduce((count, days) => count + days.size, 0));
  for (const { under, day, machines, began, seconds, cost } of rows) {
    const model = accounts.get(String(under))?.get(String(day));
    expect(machines).toBe(model?.machines.size);
    const firsts = [...(model?.machines ?? [])].filter((life) => dayOf(life.createdAt) === day);
    expect(began).toBe(firsts.length);
    expect(seconds).toBeCloseTo(model?.seconds ?? -1, 4);
    expect(cost).toBeCloseTo(model?.cost ?? -1, 6);
  }
  for (let n = 0; n < 12; n += 1) {
    const from = one(random, MOMENTS) - random.below(2 * DAY);
    const to = from + random.below(6 * DAY);
    await expectUsage(db, orgId, accounts, dayOf(from), dayOf(to));
  }
  // What a machine's own page shares among its builds is what the accounts charge their builders.
  const charged = new Map<string, number>();
  for (const life of lives) {
    const { billing, price: pricePerHour, createdAt, goneAt, isMade, connectedAt } = life;
    const cost = costUntil({ billing, pricePerHour, createdAt, goneAt, isMade }, 1e15) ?? 0;
    const builds = life.builds.map(({ startedAt, endedAt }, id) => {
      const had =
        connectedAt === null || startedAt === null ? null : Math.max(startedAt, connectedAt);
      return { id, from: had, to: endedAt };
    });
    for (const [id, share] of shareAmong(builds, cost, life.stoppingAt ?? goneAt ?? 0)) {
      const under = `builder ${life.builds[id]?.builder}`;
      charged.set(under, (charged.get(under) ?? 0) + share);
    }
  }
  for (const [under, cost] of charged) {
    const days = accounts.get(under)?.values() ?? [];
    expect(cost).toBeCloseTo(
      [...days].reduce((sum, figures) => sum + figures.cost, 0),
      6,
    );
  }
});

test.each(ZONES)("limits and pages of today and this month, with the clock in %s", async (zone) => {
  const { db, orgId } = await organization(zone);
  const random = seededRandom(100 + ZONES.indexOf(zone));
  const now = Date.now();
  const month = Date.parse(`${dayOf(now).slice(0, 7)}-01`);
  const today = Date.parse(dayOf(now));
  const lives = Array.from({ length: 60 }, () => {
    const since = one(random, [month - 2 * DAY, today - 5 * HOUR, now - 6 * HOUR]);
    const createdAt = since + random.below(now - since);
    const goneAt = Math.min(now, createdAt + random.below(40 * HOUR));
    return someLife(random, createdAt, random.below(3) === 0 ? null : goneAt, now);
  });
  for (const life of lives) {
    const id = await write(db, orgId, life);
    if (life.goneAt !== null) await goes(db, orgId, id, life.goneAt);
  }
  await db.transaction(async (tx) => {
    const [clock] = await tx.rows<{ now: number }>(
      "select (extract(epoch from now()) * 1000)::float8 as now",
    );
    const time = clock?.now ?? 0;
    const accounts = walk(lives, time);
    const since = (under: string, day: string, what: "seconds" | "cost") =>
      [...(accounts.get(under) ?? [])].reduce(
        (sum, [each, figures]) => (each >= day ? sum + figures[what] : sum),
        0,
      );
    const firstOfMonth = `${dayOf(time).slice(0, 7)}-01`;
    const { states } = await loadRoom(tx, orgId);
    const used = Object.fromEntries(states.map((state) => [state.cap, state.used]));
    const close = (value: number | undefined, wanted: number) =>
      expect(value).toBeCloseTo(wanted, 5);
    expect(used.max_instances).toBe(lives.filter(({ goneAt }) => goneAt === null).length);
    close(used.max_hours_per_day, since("all 0", dayOf(time), "seconds") / 3_600);
    close(used.max_hours_per_month, since("all 0", firstOfMonth, "seconds") / 3_600);
    close(used.max_cost_per_day, since("all 0", dayOf(time), "cost"));
    close(used.max_cost_per_month, since("all 0", firstOfMonth, "cost"));
    for (const pool of [1, 2]) {
      const [hours] = await tx.rows<{ day: number; month: number }>(
        `select ${poolHoursSql("$1", "$2", "day")} as day, ${poolHoursSql("$1", "$2", "month")} as month`,
        [orgId, pool],
      );
      close(hours?.day, since(`pool ${pool}`, dayOf(time), "seconds") / 3_600);
      close(hours?.month, since(`pool ${pool}`, firstOfMonth, "seconds") / 3_600);
    }
    await expectUsage(tx, orgId, accounts, dayOf(time - 40 * DAY), dayOf(time));
    await expectUsage(tx, orgId, accounts, dayOf(time), dayOf(time));
    await expectUsage(tx, orgId, accounts, dayOf(time + DAY), dayOf(time + 9 * DAY));
  });
});
