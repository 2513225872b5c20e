/**
 * A wake-up by job is answered at least once after it was given, on PostgreSQL and on Redis alike,
 * and floods of them are merged.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openDatabase } from "../../../../server/db/pool";
import { openQueue, openWorker, type QueueConnection } from "../../../../server/queues/backend";
import { createProcessor } from "../../../../server/queues/processors";
import { createProducer } from "../../../../server/queues/producer";
import { createTestDatabase, type TestDatabase, testServerUrl } from "../../../support/database";
import { until } from "../../../support/engine-rig";

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

const backends: { name: string; redisUrl: string | null }[] = [
  { name: "PostgreSQL", redisUrl: null },
];
const redisUrl = process.env.SLIPWAY_TEST_REDIS_URL;
if (redisUrl) backends.push({ name: "Redis", redisUrl });

const idle = async () => {};

describe.each(backends)("on $name", ({ redisUrl }) => {
  const connection = (): QueueConnection => ({ databaseUrl: testDatabase.url, redisUrl });

  test("a flood while one runs becomes one more; the last wake-up is always answered", async () => {
    const orgId = 1_000_000 + Math.floor(process.pid);
    let asked = 0;
    const answered: number[] = [];
    let release = () => {};
    const first = new Promise<void>((resolve) => {
      release = resolve;
    });
    const processor = createProcessor({
      async distribute(org) {
        if (org !== orgId) return;
        const seen = asked;
        if (answered.length === 0) await first;
        answered.push(seen);
      },
      poll: async () => {},
      alarm: idle,
      mail: idle,
      notice: idle,
      see: async () => {},
      sweep: idle,
      maintain: idle,
    });
    const worker = await openWorker("distribution", processor, 2, connection(), () => {});
    const producer = createProducer(connection(), () => {});
    for (let n = 0; n < 100; n += 1) {
      asked += 1;
      producer.distribute(orgId);
    }
    await until(() => asked === 100);
    release();
    // Whatever was asked last is seen by a run that began after it.
    await until(() => answered.at(-1) === 100);
    asked += 1;
    producer.distribute(orgId);
    await until(() => answered.at(-1) === 101);
    expect(answered.length).toBeLessThan(20);
    await producer.close();
    await worker.close();
  });

  test("a job that fails is tried again", async () => {
    const orgId = 2_000_000 + Math.floor(process.pid);
    let tries = 0;
    const errors: unknown[] = [];
    const processor = createProcessor({
      async distribute(org) {
        if (org !== orgId) return;
        tries += 1;
        if (tries === 1) throw new Error("first try");
      },
      poll: async () => {},
      alarm: idle,
      mail: idle,
      notice: idle,
      see: async () => {},
      sweep: idle,
      maintain: idle,
    });
    const worker = await openWorker("distribution", processor, 1, connection(), (error) =>
      errors.push(error),
    );
    const producer = createProducer(connection(), () => {});
    producer.distribute(orgId);
    await until(() => tries === 2);
    await producer.close();
    await worker.close();
  });

  test("an alarm rings at its time, and those with one id are one", async () => {
    const rung: number[] = [];
    const processor = createProcessor({
      distribute: idle,
      poll: idle,
      alarm: async () => void rung.push(performance.now()),
      mail: idle,
      notice: idle,
      see: async () => {},
      sweep: idle,
      maintain: idle,
    });
    const worker = await openWorker("distribution", processor, 1, connection(), () => {});
    const producers = [1, 2].map(() => createProducer(connection(), () => {}));
    const begunAt = performance.now();
    for (const producer of producers) producer.alarm(`quarantine-${process.pid}-1`, 300);
    for (const producer of producers) await producer.close();
    await until(() => rung.length === 1);
    expect((rung[0] as number) - begunAt).toBeGreaterThanOrEqual(300);
    const last = createProducer(connection(), () => {});
    last.alarm(`quarantine-${process.pid}-2`, 0);
    await until(() => rung.length >= 2);
    expect(rung).toHaveLength(2);
    await last.close();
    await worker.close();
  });

  test("what repeats repeats, however often it is set up", async () => {
    let sweeps = 0;
    const processor = createProcessor({
      distribute: idle,
      poll: async () => {},
      alarm: idle,
      mail: idle,
      notice: idle,
      see: async () => {},
      sweep: async () => {
        sweeps += 1;
      },
      maintain: idle,
    });
    const worker = await openWorker("upkeep", processor, 1, connection(), () => {});
    for (let n = 0; n < 2; n += 1) {
      const queue = await openQueue("upkeep", connection(), () => {});
      await queue.repeat("sweep", 100);
      await queue.close();
    }
    await until(() => sweeps >= 3);
    await worker.close();
  });
});

test("payloads are read at the edge; a job nobody knows is refused", async () => {
  const processor = createProcessor({
    distribute: idle,
    poll: idle,
    alarm: idle,
    mail: idle,
    notice: idle,
    see: async () => {},
    sweep: idle,
    maintain: idle,
  });
  await expect(processor({ name: "distribute", data: { orgId: "1" } })).rejects.toThrow();
  await expect(processor({ name: "unheard-of", data: {} })).rejects.toThrow("no job is called");
});

test("a server that was away is found again, and its outage leaves no connections behind", async () => {
  const own = await createTestDatabase();
  const name = new URL(own.url).pathname.slice(1);
  const admin = openDatabase({ url: testServerUrl(), max: 1, name: "admin", onError: () => {} });
  const errors: unknown[] = [];
  const connection = { databaseUrl: own.url, redisUrl: null };
  const producer = createProducer(connection, (error) => errors.push(error));
  await admin.rows(`alter database ${name} allow_connections false`);
  for (let n = 1; n <= 20; n += 1) {
    const before = errors.length;
    producer.distribute(n);
    await until(() => errors.length > before);
  }
  await admin.rows(`alter database ${name} allow_connections true`);
  const heard: number[] = [];
  const processor = createProcessor({
    distribute: async (org) => void heard.push(org),
    poll: async () => {},
    alarm: idle,
    mail: idle,
    notice: idle,
    see: async () => {},
    sweep: idle,
    maintain: idle,
  });
  await until(async () => {
    producer.distribute(99);
    const jobs = await admin.rows("select from pg_stat_activity where datname = $1", [name]);
    return jobs.length > 0;
  });
  const open = await admin.rows("select from pg_stat_activity where datname = $1", [name]);
  expect(open.length).toBeLessThanOrEqual(3);
  const worker = await openWorker("distribution", processor, 1, connection, () => {});
  await until(() => heard.includes(99));
  await producer.close();
  await worker.close();
  await admin.end();
  await own.drop();
});
