/**
 * Guarantee: a pool grows by what waits, at once and never beyond its limits, each machine with a name and a
 * password of its own; it shrinks by machines without a build alone; and it says why it is not larger
 * (K-030 to K-033, K-039).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SUCCESS } from "../../../../../server/domain/builds";
import type { BuilderId, BuildRequestId, PoolId } from "../../../../../server/domain/ids";
import { assign } from "../../../../../server/domain/scheduling";
import { DriverError } from "../../../../../server/drivers/contract";
import { claim } from "../../../../../server/engine/distribute/claim";
import { loadCandidates } from "../../../../../server/engine/distribute/queue";
import { steerPool } from "../../../../../server/fleet/pools/steer";
import { completed, scripted } from "../../../../../server/protocols/null";
import { CALLER, isFinished, isRunning, until } from "../../../../support/engine-rig";
import type { JobsProcess } from "../../../../support/latent-rig";
import { createPoolRig, type PoolRig } from "../../../../support/pool-rig";
import { seededRandom } from "../../../../support/seeded-random";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let rig: PoolRig;
let jobs: JobsProcess;
/** Lets all commands end. */
let release: () => void;

beforeEach(async () => {
  rig = await createPoolRig();
  jobs = await rig.jobs();
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  rig.behaviour = scripted({ wait: gate }, { rc: 0 });
});
afterEach(async () => {
  release();
  expect(rig.cloud.faults).toEqual([]);
  await rig.close();
});

/** So many builders, a request of each. */
async function requests(pool: PoolId, count: number, first = 1): Promise<BuildRequestId[]> {
  const made: BuildRequestId[] = [];
  for (let n = first; n < first + count; n += 1) {
    const builder = await rig.addPooled(`b${n}`, [pool], [STEP]);
    made.push(await rig.rig.force(builder));
  }
  return made;
}
const running = (ids: readonly BuildRequestId[]) =>
  Promise.all(ids.map((id) => rig.rig.build(id, isRunning)));
const finished = (ids: readonly BuildRequestId[]) =>
  Promise.all(ids.map((id) => rig.rig.build(id, isFinished)));
const numbers = async (pool: PoolId) => (await rig.places(pool)).map(({ number }) => number);
/** What the queue and the sweep do, until it is so. */
const keepOn = <T>(look: () => Promise<T | null | false>) =>
  until(async () => {
    await rig.giveOut(jobs);
    // As whoever holds its connection does when a build of it has ended.
    await rig.rig.db.rows("update deadline set fire_at = now() where kind = 'latent-worker'");
    await jobs.sweep();
    return look();
  });
const allDone = async (ids: readonly BuildRequestId[]) => {
  const states = await Promise.all(ids.map((id) => rig.rig.request(id)));
  return states.every(({ state }) => state === "done");
};
const allDoneOf = (ids: readonly BuildRequestId[]) => keepOn(() => allDone(ids));
/** Each looks before any of them claims. */
async function claimsSeenAtOnce(builders: readonly BuilderId[], ids: readonly BuildRequestId[]) {
  const { db } = jobs.context;
  const seen = await loadCandidates(db, CALLER.orgId, builders);
  const assignments = builders.flatMap((builderId, index) => {
    const requests = [{ id: ids[index] as BuildRequestId, priority: 0, submittedAt: 0 }];
    const workers = (seen.get(builderId)?.workers ?? []).filter(
      ({ busySlots, latent }) => busySlots.length > 0 || latent?.isConnected,
    );
    return assign([{ builderId, name: "b", requests, workers }], Date.now()).map(
      // Two who choose by themselves would take the same slot, which the database refuses anyhow.
      (assignment) => ({ ...assignment, slot: assignment.slot + index }),
    );
  });
  expect(assignments).toHaveLength(builders.length);
  return Promise.all(
    assignments.map((assignment) => claim(db, CALLER.orgId, assignment, "jobs", jobs.id)),
  );
}
const buildsByMachine = async () =>
  (
    await rig.rig.db.rows<{ builds: number }>(
      "select count(*)::int as builds from build group by instance_id order by 1 desc",
    )
  ).map(({ builds }) => builds);
const steer = (pool: PoolId, how: "hold" | "drain" | "resume", reason = "the disk is full") =>
  steerPool(rig.rig.db, CALLER, pool, how, reason);
const codes = async (pool: PoolId) => (await rig.pool(pool)).figures.limits.map(({ code }) => code);

test("five requests: five machines in one tick, each somebody else (K-030, K-031)", async () => {
  const pool = await rig.addPool("linux", { maxWorkers: 10 });
  const ids = await requests(pool, 5);
  expect(await rig.giveOut(jobs)).toBe(5);
  await running(ids);
  const places = await rig.places(pool);
  expect(places.map(({ name }) => name)).toEqual([1, 2, 3, 4, 5].map((n) => `linux-${n}`));
  expect(new Set(places.map(({ login_name }) => login_name)).size).toBe(5);
  const passwords = rig.cloud.machines.map(({ order }) => order.agent.password);
  expect(new Set(passwords).size).toBe(5);
  expect(rig.workers.map(({ hello }) => hello.loginName).sort()).toEqual(
    places.map(({ login_name }) => login_name),
  );
  await rig.tend(jobs);
  expect((await rig.pool(pool)).figures).toMatchObject({ queue: 0, desired: 5, busy: 5 });
  release();
  expect((await finished(ids)).map(({ result }) => result)).toEqual(Array(5).fill(SUCCESS));
  await keepOn(async () => rig.cloud.alive.length === 0);
  // The same places again, with machines and passwords of their own.
  const again = await rig.addPooled("again", [pool], [STEP]);
  const next = await rig.rig.force(again);
  await rig.giveOut(jobs);
  await rig.rig.build(next, isFinished);
  expect(await numbers(pool)).toEqual([1, 2, 3, 4, 5]);
  expect(rig.cloud.machines[5]?.order.agent).toMatchObject({ name: "linux-1" });
  expect(passwords).not.toContain(rig.cloud.machines[5]?.order.agent.password);
});

test("many requests of one builder, and more than may be: never over maxWorkers, which it says", async () => {
  const pool = await rig.addPool("linux", { maxWorkers: 3 });
  const builder = await rig.addPooled("b", [pool], [STEP]);
  const ids: BuildRequestId[] = [];
  for (let n = 0; n < 7; n += 1) ids.push(await rig.rig.force(builder));
  expect(await rig.giveOut(jobs)).toBe(3);
  expect(await rig.giveOut(jobs)).toBe(0);
  expect(await numbers(pool)).toEqual([1, 2, 3]);
  const { figures } = await rig.pool(pool);
  expect(figures).toMatchObject({ queue: 4, desired: 3 });
  expect(figures.limits[0]).toMatchObject({ code: "max", room: 0 });
  release();
  await keepOn(async () => {
    expect(rig.cloud.alive.length).toBeLessThanOrEqual(3);
    const [row] = await rig.rig.db.rows<{ open: number }>(
      "select count(*)::int as open from build_request where state <> 'done'",
    );
    return row?.open === 0;
  });
  await keepOn(async () => rig.cloud.alive.length === 0);
  expect(await numbers(pool)).toEqual([1, 2, 3]);
});

test("machines on their way are counted: nobody who looks again makes more", async () => {
  rig.boots = false;
  const pool = await rig.addPool("linux");
  await requests(pool, 4);
  const other = await rig.jobs();
  await Promise.all([rig.giveOut(jobs), rig.giveOut(other), rig.giveOut(jobs)]);
  for (let n = 0; n < 3; n += 1) {
    await rig.giveOut(other);
    await jobs.sweep();
  }
  await until(() => rig.cloud.machines.length === 4);
  expect(await numbers(pool)).toEqual([1, 2, 3, 4]);
  expect((await rig.places(pool)).some(({ is_open }) => is_open)).toBe(false);
});

test("builders share machines up to maxBuildsPerWorker, those on their way before new ones", async () => {
  const pool = await rig.addPool("linux", { maxBuildsPerWorker: 3, idleTimeout: 600 });
  const ids = await requests(pool, 7);
  await rig.giveOut(jobs);
  await running(ids);
  expect((await rig.places(pool)).map(({ builds }) => builds)).toEqual([3, 3, 1]);
  const more = await requests(pool, 2, 8);
  await rig.giveOut(jobs);
  await running(more);
  expect((await rig.places(pool)).map(({ builds }) => builds)).toEqual([3, 3, 3]);
  expect(rig.cloud.machines).toHaveLength(3);
});

test("a worker that is there costs nothing more: it comes before a machine", async () => {
  const pool = await rig.addPool("linux");
  const own = await rig.rig.addWorker("desk");
  await rig.socket.connect("desk", { behaviour: scripted() });
  const builder = await rig.addPooled("b", [pool], [STEP], [own]);
  const request = await rig.rig.force(builder);
  await rig.giveOut(jobs);
  expect(await rig.rig.build(request, isFinished)).toMatchObject({ worker_id: own });
  expect(rig.cloud.machines).toEqual([]);
});

test("what waits for a lock asks for no machine (K-031)", async () => {
  const pool = await rig.addPool("linux");
  await rig.rig.db.rows(
    "insert into lock (org_id, kind, name, max_count, places) values (1, 'MasterLock', 'db', 1, 1)",
  );
  const ids = await requests(pool, 3);
  await rig.rig.db.rows(
    `update builder set locks = '[{"name": "db", "mode": "counting", "isExclusive": false, "count": 1}]'`,
  );
  expect(await rig.giveOut(jobs)).toBe(1);
  expect(rig.cloud.machines.length).toBeLessThanOrEqual(1);
  expect((await rig.pool(pool)).figures).toMatchObject({ queue: 2, desired: 1, limits: [] });
  release();
  await keepOn(() => allDone(ids));
});

test("minIdle: a machine without a build waits, is taken at once, and the next one is made", async () => {
  const pool = await rig.addPool("linux", { minIdle: 1, idleTimeout: 0 });
  await rig.giveOut(jobs);
  await keepOn(async () => (await rig.places(pool))[0]?.state === "substantiated");
  expect(rig.cloud.machines).toHaveLength(1);
  // It stays, although its kind would keep none.
  await keepOn(async () => rig.cloud.alive.length === 1);
  const [id] = await requests(pool, 1);
  await rig.giveOut(jobs);
  expect((await rig.rig.build(id as BuildRequestId, isRunning)).state_string).toBeDefined();
  await keepOn(async () => {
    const places = await rig.places(pool);
    return places.length === 2 && places[1]?.state === "substantiated";
  });
  expect(await rig.places(pool)).toMatchObject([
    { builds: 1, is_wished: false },
    { builds: 0, is_wished: true },
  ]);
  release();
  await finished([id as BuildRequestId]);
  await keepOn(async () => rig.cloud.alive.length === 1);
  expect(await rig.places(pool)).toMatchObject([
    { state: "insubstantiated" },
    { state: "substantiated", is_wished: true },
  ]);
});

test("maxBuildsPerInstance: the next build has another machine", async () => {
  release();
  const pool = await rig.addPool("linux", { maxBuildsPerInstance: 2, idleTimeout: 600 });
  const builder = await rig.addPooled("b", [pool], [STEP]);
  for (let n = 0; n < 5; n += 1) {
    const id = await rig.rig.force(builder);
    await keepOn(async () => (await rig.rig.build(id)).state === "finished");
  }
  const used = await rig.rig.db.rows<{ builds: number }>(
    "select count(*)::int as builds from build group by instance_id order by instance_id",
  );
  expect(rig.cloud.machines).toHaveLength(3);
  expect(used.reduce((sum, { builds }) => sum + builds, 0)).toBe(5);
});

test("maxBuildsPerInstance: a machine that has come is for those who wait for it, whoever looks first", async () => {
  release();
  const pool = await rig.addPool("linux", { maxBuildsPerInstance: 1, idleTimeout: 600 });
  const [id] = (await requests(pool, 1)) as [BuildRequestId];
  // Whoever holds its connection is slow to give it to them.
  const { line } = rig.socket;
  const seen = new Promise<void>((resolve) => {
    line.before = async (text) => {
      if (!text.includes("hits machine has logged in")) return;
      line.before = null;
      resolve();
      await new Promise(() => {});
    };
  });
  await rig.giveOut(jobs);
  await seen;
  const [place] = await rig.places(pool);
  await jobs.fleet.see(place?.id as never);
  expect(await rig.rig.build(id, isFinished)).toMatchObject({ result: SUCCESS });
  expect(rig.cloud.machines).toHaveLength(1);
});

test("maxBuildsPerInstance: of two who see the last place of a shared machine one has it", async () => {
  release();
  const options = { maxBuildsPerInstance: 2, maxBuildsPerWorker: 2, idleTimeout: 600 };
  const pool = await rig.addPool("linux", options);
  await allDoneOf(await requests(pool, 1));
  const builders = [
    await rig.addPooled("x", [pool], [STEP]),
    await rig.addPooled("y", [pool], [STEP]),
  ];
  const ids: BuildRequestId[] = [];
  for (const builder of builders) ids.push(await rig.rig.force(builder));
  const claims = await claimsSeenAtOnce(builders, ids);
  expect(claims.filter(Boolean)).toHaveLength(1);
  await allDoneOf(ids);
  expect(await buildsByMachine()).toEqual([2, 1]);
});

test("maxBuildsPerInstance: no more builds wait for one machine than it may have", async () => {
  rig.boots = false;
  const options = { maxBuildsPerInstance: 2, maxBuildsPerWorker: 4, idleTimeout: 600 };
  const pool = await rig.addPool("linux", options);
  const [first] = await requests(pool, 1);
  await rig.giveOut(jobs);
  await until(() => rig.cloud.machines.length === 1);
  const builders = [
    await rig.addPooled("x", [pool], [STEP]),
    await rig.addPooled("y", [pool], [STEP]),
  ];
  const ids: BuildRequestId[] = [];
  for (const builder of builders) ids.push(await rig.rig.force(builder));
  const claims = await claimsSeenAtOnce(builders, ids);
  expect(claims.filter(Boolean)).toHaveLength(1);
  const more = await requests(pool, 4, 2);
  await rig.giveOut(jobs);
  // Seven builds in pairs; the pool asked for as many machines as that takes, and not one by one.
  expect((await rig.places(pool)).map(({ builds }) => builds)).toEqual([2, 2, 2, 1]);
  // One that is still being made would log in by itself, and once more here.
  await until(() => rig.cloud.machines.length === 4);
  rig.boots = true;
  for (const machine of rig.cloud.machines) void rig.login(machine);
  release();
  await allDoneOf([first as BuildRequestId, ...ids, ...more]);
  expect(await buildsByMachine()).toEqual([2, 2, 2, 1]);
});

test("a place that was closed since it was chosen is not wanted, and a wish has its deadline", async () => {
  rig.boots = false;
  const pool = await rig.addPool("linux");
  const { db } = rig.rig;
  const builder = await rig.addPooled("x", [pool], [STEP]);
  const id = await rig.rig.force(builder);
  await rig.tend(jobs);
  const workers = (await loadCandidates(db, CALLER.orgId, [builder])).get(builder)?.workers ?? [];
  const requests = [{ id, priority: 0, submittedAt: 0 }];
  const [chosen] = assign([{ builderId: builder, name: "b", requests, workers }], Date.now());
  if (!chosen) throw new Error("no place is open");
  const closed = "update latent_worker set is_open = false, is_wished = false where worker_id = $1";
  await db.rows(closed, [chosen.workerId]);
  expect(await claim(db, CALLER.orgId, chosen, "jobs", jobs.id)).toBeNull();
  await db.rows("update latent_worker set is_open = true where worker_id = $1", [chosen.workerId]);
  expect(await claim(db, CALLER.orgId, chosen, "jobs", jobs.id)).not.toBeNull();
  // A machine that is to be ready for the next: nobody asks for it but its pool.
  await rig.addPool("ready", { minIdle: 1 });
  await rig.tend(jobs);
  await until(() => rig.cloud.machines.length > 0);
  expect(
    await db.rows("select from latent_worker where state = 'starting' and missing_at is null"),
  ).toEqual([]);
});

test("weights: projects share the pool, whoever asked first (K-040)", async () => {
  const pool = await rig.addPool("linux", { maxWorkers: 4, weights: { second: 3 } } as object);
  const { db } = rig.rig;
  const [first, second] = await Promise.all(
    ["first", "second"].map(async (name) => {
      const [row] = await db.rows<{ id: number }>(
        "insert into project (org_id, name) values (1, $1) returning id",
        [name],
      );
      const builder = await rig.addPooled(name, [pool], [STEP]);
      await db.rows("update builder set project_id = $2 where id = $1", [builder, row?.id]);
      return builder;
    }),
  );
  const ids: BuildRequestId[] = [];
  for (let n = 0; n < 6; n += 1) ids.push(await rig.rig.force(first as BuilderId));
  for (let n = 0; n < 6; n += 1) ids.push(await rig.rig.force(second as BuilderId));
  await rig.giveOut(jobs);
  const has = async () =>
    Object.fromEntries(
      (
        await db.rows<{ name: string; builds: number }>(
          `select b.name, count(*)::int as builds from build x join builder b on b.id = x.builder_id
           where x.state <> 'finished' group by 1 order by 1`,
        )
      ).map(({ name, builds }) => [name, builds]),
    );
  expect(await has()).toEqual({ first: 1, second: 3 });
  // What runs already counts, and so does what a project has let go.
  await db.rows('update pool set config = config || \'{"weights": {"first": 3}}\'');
  await rig.giveOut(jobs);
  expect(await has()).toEqual({ first: 1, second: 3 });
  release();
  await allDoneOf(ids);
});

test("maxLifetime: an old machine takes no more builds and goes when it has none", async () => {
  const pool = await rig.addPool("linux", { maxLifetime: 3_600, idleTimeout: 600 });
  const [first] = await requests(pool, 1);
  await rig.giveOut(jobs);
  await running([first as BuildRequestId]);
  await rig.rig.db.rows("update latent_worker set state_since = now() - interval '2 hours'");
  const [second] = await requests(pool, 1, 2);
  await rig.giveOut(jobs);
  const other = await rig.rig.build(second as BuildRequestId, isRunning);
  expect((await rig.rig.build(first as BuildRequestId)).worker_id).not.toBe(other.worker_id);
  expect(rig.cloud.alive).toHaveLength(2);
  release();
  await finished([first, second] as BuildRequestId[]);
  await keepOn(async () => rig.cloud.alive.length === 1);
  expect((await rig.places(pool)).map(({ state }) => state)).toEqual([
    "insubstantiated",
    "substantiated",
  ]);
});

test("held: no more machines, what runs goes on; and it is in the audit log", async () => {
  const pool = await rig.addPool("linux");
  const ids = await requests(pool, 1);
  await rig.giveOut(jobs);
  await running(ids);
  expect(await steer(pool, "hold")).toBe(true);
  const more = await requests(pool, 2, 2);
  expect(await rig.giveOut(jobs)).toBe(0);
  expect(await codes(pool)).toEqual(["hold"]);
  release();
  await finished(ids);
  await steer(pool, "resume", "");
  await keepOn(() => allDone(more));
  expect(
    await rig.rig.db.rows("select action, subject, actor, detail from audit_entry order by id"),
  ).toEqual([
    {
      ...{ action: "pool.hold", subject: "linux", actor: CALLER.actor },
      detail: { reason: "the disk is full" },
    },
    { action: "pool.resume", subject: "linux", actor: CALLER.actor, detail: { reason: "" } },
  ]);
});

test("drained: no more builds either, and machines go when they have none, whatever they would wait for", async () => {
  const pool = await rig.addPool("linux", { idleTimeout: 86_400, maxBuildsPerWorker: 2 });
  const ids = await requests(pool, 3);
  await rig.giveOut(jobs);
  await running(ids);
  await steer(pool, "drain");
  const [more] = await requests(pool, 1, 4);
  expect(await rig.giveOut(jobs)).toBe(0);
  release();
  expect((await finished(ids)).every(({ result }) => result === SUCCESS)).toBe(true);
  await keepOn(async () => rig.cloud.alive.length === 0);
  expect(await codes(pool)).toEqual(["drain"]);
  expect(await rig.rig.request(more as BuildRequestId)).toMatchObject({ state: "pending" });
  await steer(pool, "resume");
  await keepOn(() => allDone([more as BuildRequestId]));
});

test("scaleUpRate: so many machines a minute, and no more however often it is looked at", async () => {
  const pool = await rig.addPool("linux", { scaleUpRate: 2 });
  const ids = await requests(pool, 5);
  expect(await rig.giveOut(jobs)).toBe(2);
  await running(ids.slice(0, 2));
  expect(await rig.giveOut(jobs)).toBe(0);
  expect(await codes(pool)).toEqual(["rate"]);
  await rig.rig.db.rows("update instance set created_at = now() - interval '61 seconds'");
  expect(await rig.giveOut(jobs)).toBe(2);
});

test("a budget that is used up: nothing new until the next day, and it says so", async () => {
  const pool = await rig.addPool("linux", { budget: { hours: 2, per: "day" } });
  const ids = await requests(pool, 1);
  await rig.giveOut(jobs);
  await running(ids);
  await rig.rig.db.rows(
    `update instance set created_at = greatest(now() - interval '3 hours', date_trunc('day', now() at time zone 'UTC') at time zone 'UTC')`,
  );
  // Early in a day three hours of it are not to be had: the other figure is the same rule.
  await rig.rig.db.rows(
    `update pool set budget_checked_at = null, config = jsonb_set(config, '{budget,hours}', '0.0000001')`,
  );
  await requests(pool, 1, 2);
  expect(await rig.giveOut(jobs)).toBe(0);
  expect(await codes(pool)).toEqual(["budget"]);
});

test("a slip in the image: a handful of starts, then a pause that grows, and the driver's words (K-032)", async () => {
  const pool = await rig.addPool("linux", { worker: { image: "missing" }, maxWorkers: 100 });
  for (let round = 0; round < 4; round += 1) {
    await requests(pool, 3, 1 + 3 * round);
    for (let n = 0; n < 5; n += 1) {
      await rig.giveOut(jobs);
      await jobs.sweep();
    }
  }
  await keepOn(async () =>
    (await rig.places(pool)).every(({ state }) => state === "insubstantiated"),
  );
  // The first three were asked for together.
  expect(rig.cloud.count("start")).toBe(3);
  const { figures, backoff_reason } = await rig.pool(pool);
  expect(backoff_reason).toContain("image missing is not on the host");
  expect(figures.limits[0]).toMatchObject({ code: "backoff", room: 0 });
  expect(figures.limits[0]?.sentence).toContain("image missing is not on the host");
  // When the pause is over one is tried, and no more.
  await rig.rig.db.rows("update pool set backoff_until = now()");
  for (let n = 0; n < 5; n += 1) {
    await rig.giveOut(jobs);
    await jobs.sweep();
  }
  await keepOn(async () => (await rig.pool(pool)).backoff_count === 2);
  expect(rig.cloud.count("start")).toBe(4);
  // Mended: as if nothing had been.
  await rig.rig.db.rows(
    `update pool set config = jsonb_set(config, '{worker,image}', '"debian"'), backoff_until = null, backoff_count = 0,
       judged_since = now()`,
  );
  await rig.rig.db.rows(
    `update worker set config = jsonb_set(config, '{image}', '"debian"'), quarantined_until = null`,
  );
  release();
  await keepOn(async () => {
    const [row] = await rig.rig.db.rows<{ waiting: number }>(
      "select count(*)::int as waiting from build_request where state <> 'done'",
    );
    return row?.waiting === 0;
  });
});

test("an account at its limit is named as that", async () => {
  rig.cloud.refuse("start", new DriverError("quota", "20 of 20 machines"), 3);
  const pool = await rig.addPool("linux");
  await requests(pool, 2);
  await rig.giveOut(jobs);
  await keepOn(async () => (await codes(pool))[0] === "quota");
  expect((await rig.pool(pool)).figures.limits[0]?.sentence).toContain("20 of 20 machines");
});

test("fewer may be: the surplus goes without a build ending, and its places with it", async () => {
  const pool = await rig.addPool("linux", { idleTimeout: 600 });
  const ids = await requests(pool, 4);
  await rig.giveOut(jobs);
  await running(ids);
  await rig.rig.db.rows(
    "update pool set max_workers = 2, config = config || '{\"maxWorkers\": 2}'",
  );
  const [more] = await requests(pool, 1, 5);
  expect(await rig.giveOut(jobs)).toBe(0);
  release();
  expect((await finished(ids)).every(({ result }) => result === SUCCESS)).toBe(true);
  await keepOn(async () => (await numbers(pool)).length === 2);
  await keepOn(() => allDone([more as BuildRequestId]));
  expect(rig.cloud.alive.length).toBeLessThanOrEqual(2);
});

test("three processes that size, give out and let go at the same time: every build once, never too many machines (K-033)", async () => {
  const random = seededRandom(11);
  const pool = await rig.addPool("linux", {
    maxWorkers: 5,
    maxBuildsPerWorker: 2,
    minIdle: 1,
    idleTimeout: 0,
  });
  rig.behaviour = async () => {
    await sleep(random.below(30));
    return completed(0);
  };
  const builders = [];
  for (let n = 0; n < 6; n += 1) builders.push(await rig.addPooled(`b${n}`, [pool], [STEP]));
  const processes = [jobs, await rig.jobs(), await rig.jobs()];
  let isOver = false;
  const most: number[] = [];
  const pumps = processes.map(async (each) => {
    while (!isOver) {
      await rig.giveOut(each);
      await rig.rig.db.rows("update deadline set fire_at = now() where kind = 'latent-worker'");
      await each.sweep();
      most.push(rig.cloud.alive.length);
    }
  });
  const ids: BuildRequestId[] = [];
  for (let n = 0; n < 60; n += 1) {
    ids.push(await rig.rig.force(builders[random.below(6)] as never));
    await sleep(random.below(20));
  }
  await until(() => allDone(ids));
  isOver = true;
  await Promise.all(pumps);
  const builds = await rig.rig.db.rows<{ result: number }>("select result from build");
  expect(builds.map(({ result }) => result)).toEqual(ids.map(() => SUCCESS));
  expect(Math.max(...most)).toBeLessThanOrEqual(5);
  // What is left is what is to be ready.
  await keepOn(async () => rig.cloud.alive.length === 1);
});
