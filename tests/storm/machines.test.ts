/**
 * Guarantee: whichever process is killed in the middle of builds on machines on demand, of workers and of
 * pools alike, every request ends in exactly one green build, and two sweeps later no machine is left, in
 * our rows or on the host. STORM_SEED repeats a run, STORM_ROUNDS makes it longer.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { expect, test } from "vitest";
import { markedProcesses } from "../../server/drivers/local/processes";
import { openLocalHome } from "../../server/processes/local/home";
import { installationTagIn } from "../support/installation-tag";
import { seededRandom } from "../support/seeded-random";
import { killRounds, seedOf } from "./kill-rounds";
import { broken, openStorm, quiet, type Storm } from "./storm";

const KEY = "storm-of-machines-".padEnd(43, "k");
const ROUNDS = Number(process.env.STORM_ROUNDS ?? 8);
const BUILDS = 24;
const type = "LocalLatentWorker";

/** Each as often as the other: a machine for each build, kept ones, and two kinds of pools. */
const MACHINES = {
  latent: [
    { type, name: "alone", build_wait_timeout: 0 },
    { type, name: "kept", build_wait_timeout: 2, max_builds: 3 },
  ],
  pools: [
    { name: "single", worker: { type }, maxWorkers: 4, idleTimeout: 0 },
    { name: "packed", worker: { type }, maxWorkers: 2, maxBuildsPerWorker: 3, idleTimeout: 2 },
  ],
  where: (n: number) =>
    [
      { workernames: ["alone"] },
      { workernames: ["kept"] },
      { pools: ["single"] },
      { pools: ["packed", "single"] },
    ][n] as { pools: string[] },
};

test("rounds with web, socket, jobs or the supervisor killed", async () => {
  const seed = seedOf(process.env.STORM_SEED);
  console.log(`seed ${seed}`);
  const storm = await openStorm({ ...MACHINES, workers: [], env: { SLIPWAY_SECRET_KEY: KEY } });
  const home = await openLocalHome(storm.slipway.dataDir, "");
  try {
    const ids = await killRounds(storm, {
      ...{ rounds: ROUNDS, builds: BUILDS, withinMs: 6_000, random: seededRandom(seed) },
      ...{ victims: ["web", "socket", "jobs", "supervisor"], say: console.log },
      begun: () => aMachineComes(storm),
      seen: () => underWay(storm),
    });
    expect(new Set(ids).size).toBe(ROUNDS * BUILDS);
    await quiet(storm);
    await letGo(storm);
    await twoSweeps(storm);
    expect(await broken(storm)).toEqual([]);
    expect(await onHost(storm)).toEqual([]);
    expect(readdirSync(`${home.folder}/machines`)).toEqual([]);
    console.log(await summary(storm));
  } finally {
    await storm.stop();
    // Started by root it is outside of the data directory.
    if (existsSync(home.folder)) rmSync(home.folder, { recursive: true, force: true });
  }
});

const aMachineComes = (storm: Storm) =>
  storm.until<{ one: number }>(
    "a machine",
    "select 1 as one from instance where state <> 'gone' limit 1",
    [],
    (found) => found.length > 0,
  );

async function underWay(storm: Storm): Promise<string> {
  const [row] = await storm.rows<Record<string, number>>(
    `select (select count(*) from instance where state in ('requested', 'starting'))::int as coming,
       (select count(*) from instance where state = 'running')::int as running,
       (select count(*) from build where state in ('running', 'finishing'))::int as building`,
  );
  return `${row?.coming} machines coming, ${row?.running} there, ${row?.building} builds on them`;
}

const letGo = (storm: Storm) =>
  storm.until<{ key: string }>(
    "machines let go",
    "select key, state, reason from instance where state <> 'gone'",
    [],
    (left) => left.length === 0,
  );

async function twoSweeps(storm: Storm): Promise<void> {
  for (let sweep = 0; sweep < 2; sweep += 1) {
    const [mark] = await storm.rows<{ id: string }>(
      "select coalesce(max(id), 0) as id from sweep_report",
    );
    await storm.rows("update instance_account set next_at = now()");
    await storm.until<{ error: string | null }>(
      "a sweep",
      "select error from sweep_report where id > $1",
      [mark?.id],
      (reports) => reports.length > 0 && reports.every(({ error }) => error === null),
    );
  }
}

async function onHost({ slipway }: Storm): Promise<string[]> {
  const tag = await installationTagIn(slipway.databaseUrl);
  const all = await markedProcesses("SLIPWAY_MACHINE");
  return all
    .filter(({ mark, isZombie }) => !isZombie && mark.includes(tag))
    .map(({ pid, mark }) => `${pid} ${mark}`);
}

async function summary(storm: Storm): Promise<string> {
  const [row] = await storm.rows<Record<string, number>>(
    `select (select count(*) from instance)::int as machines, (select count(*) from instance where is_failed)::int as failed,
       (select count(*) from build where result = 0)::int as green, (select count(*) from build where result = 5)::int as retried,
       (select coalesce(sum(stopped), 0) from sweep_report)::int as orphans`,
  );
  return JSON.stringify(row);
}
