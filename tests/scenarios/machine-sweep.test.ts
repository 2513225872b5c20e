// Guarantee: in a real installation whatever runs here under its mark and belongs to nobody is ended at the
// second sweep, with all it began, and what is another installation's is not; a machine of a build that runs
// is not touched; and what a machine did is told afterwards.
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { createPostgresBackend, type Queue, withBackend } from "bullmq";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../../server/db/pool";
import { createTestDatabase, type TestDatabase } from "../support/database";
import { OPERATOR_ENV, type Operator, operate } from "../support/provider-sweep";
import { type SlipwayInstance, startSlipway } from "../support/slipway-instance";

const KEY = "machine-sweep-scenario-".padEnd(43, "k");

let testDatabase: TestDatabase;
let db: Database;
let slipway: SlipwayInstance;
let folder: string;
let operator: Operator;
const strays: ChildProcess[] = [];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  db = openDatabase({ url: testDatabase.url, max: 2, name: "test", onError() {} });
  slipway = await startSlipway({
    databaseUrl: testDatabase.url,
    env: {
      SLIPWAY_SECRET_KEY: KEY,
      ...OPERATOR_ENV,
    },
  });
  operator = await operate(slipway);
  folder = await mkdtemp(join(tmpdir(), "slipway-sweep-"));
  await chmod(folder, 0o755);
  await slipway.apply({
    workers: [
      { type: "LocalLatentWorker", name: "cloud", build_wait_timeout: 0, price_per_hour: 3 },
    ],
    projects: {
      p: {
        builders: [
          {
            name: "b",
            workernames: ["cloud"],
            factory: [
              {
                type: "ShellCommand",
                command: `while [ ! -e "${folder}/go" ]; do sleep 0.1; done`,
              },
            ],
          },
        ],
      },
    },
  });
});
afterAll(async () => {
  for (const { pid } of strays) {
    try {
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    } catch {}
  }
  await slipway?.stop();
  await db?.end();
  await testDatabase?.drop();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** A program of this host that carries the mark of an installation, and one that it began. */
function stray(key: string, installation: string): ChildProcess {
  const tag = { installation, organization: 1, worker: 987_654, generation: 1 };
  const child = spawn("sh", ["-c", "sleep 3600 & wait"], {
    detached: true,
    stdio: "ignore",
    env: { ...process.env, SLIPWAY_MACHINE: JSON.stringify({ key, tag }) },
  });
  strays.push(child);
  return child;
}
const isAlive = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode === null && signalCode === null;

async function until<T>(look: () => Promise<T>): Promise<T> {
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    await setTimeout(50);
  }
}

const sweep = () => operator.sweep("LocalLatentWorker");

test("strays go, foreigners and machines of builds stay", async () => {
  await slipway.call("builders/b", "force", { reason: "test" });
  const [machine] = (await until(async () => {
    const rows = await db.rows<{ id: number; key: string }>(
      "select id, key from instance where state = 'running' and connected_at is not null",
    );
    return rows.length > 0 ? rows : null;
  })) as { id: number; key: string }[];
  expect(await sweep()).toMatchObject({ seen: 1, known: 1, orphans: 0 });
  const lost = stray("bb-lost-1", operator.tag);
  const foreign = stray("bb-foreign-1", "0123abcd");
  const first = await sweep();
  expect(first).toMatchObject({ seen: 2, known: 1, orphans: 1, stopped: 0, error: null });
  expect(isAlive(lost)).toBe(true);
  const second = await sweep();
  expect(second).toMatchObject({ seen: 2, known: 1, orphans: 1, stopped: 1, error: null });
  await until(async () => !isAlive(lost));
  const third = await sweep();
  expect(third).toMatchObject({ seen: 1, known: 1, orphans: 0 });
  expect(isAlive(foreign)).toBe(true);
  const audit = await db.rows<{ subject: string }>(
    "select subject from audit_entry where action = 'orphan.stopped'",
  );
  expect(audit).toEqual([{ subject: "bb-lost-1" }]);

  // The build comes to its end on the machine it had.
  await writeFile(join(folder, "go"), "");
  const [told] = (await until(async () => {
    const rows = await db.rows<Record<string, unknown>>(
      `select i.end_reason, i.is_failed, i.price_per_hour, i.answered_at <= i.stopping_at as "answered",
           i.connected_at <= i.stopping_at as connected, i.stopping_at <= i.gone_at as gone, b.result
         from instance i join build b on b.instance_id = i.id where i.state = 'gone'`,
    );
    return rows.length > 0 ? rows : null;
  })) as Record<string, unknown>[];
  expect(told).toEqual({
    ...{ end_reason: "each build has a machine of its own", is_failed: false, result: 0 },
    ...{ price_per_hour: 3, answered: true, connected: true, gone: true },
  });
  expect(machine?.key).toMatch(/^bb-/);
});

/** Nothing looks at what is due any more unless somebody says that there is something. */
async function withoutTick(): Promise<void> {
  const queue = new (withBackend(createPostgresBackend).Queue)("upkeep", {
    connection: { connectionString: testDatabase.url, max: 1, skipMigrations: true },
  }) as unknown as Queue;
  await queue.removeJobScheduler("sweep");
  await queue.close();
}

test("Stop and Sweep now act at once, not at the next tick", { timeout: 45_000 }, async () => {
  await rm(join(folder, "go"));
  await slipway.call("builders/b", "force", { reason: "test" });
  const [machine] = (await until(async () => {
    const rows = await db.rows<{ id: number }>(
      "select id from instance where state = 'running' and connected_at is not null",
    );
    return rows.length > 0 ? rows : null;
  })) as { id: number }[];
  await withoutTick();
  await sweep();
  await operator.stop(machine?.id as number, "it costs too much");
  await until(async () => {
    const rows = await db.rows("select from instance where id = $1 and state = 'gone'", [
      machine?.id,
    ]);
    return rows.length > 0;
  });
  await writeFile(join(folder, "go"), "");
});
