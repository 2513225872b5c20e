/**
 * One schedule of what may happen to latent workers, their provider and the processes that drive and
 * sweep: lists that lag and lie, stops that are acknowledged and not done, calls that are refused,
 * machines that die, machines that nobody knows, processes killed at any statement. Workers keep their
 * machines for ever, so that whatever stops a connected one is wrong.
 */
import { expect } from "vitest";
import type { BuilderId, WorkerId } from "../../server/domain/ids";
import { DriverError, type InstanceHandle } from "../../server/drivers/contract";
import type { FakeMachine } from "../../server/drivers/fake";
import { CALLER, until } from "./engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "./latent-rig";
import { seededRandom } from "./seeded-random";

const WORKERS = 3;
const STEP = { type: "ShellCommand", name: "run", command: ["run"] };
const away = () => new DriverError("provider-down", "500 internal error");

export interface Weather {
  readonly sweeps: number;
  readonly stops: number;
  readonly deaths: number;
}

export async function sweepWeather(seed: number, steps: number): Promise<Weather> {
  const latent = await createLatentRig();
  try {
    return await run(latent, seed, steps);
  } finally {
    await latent.close();
  }
}

async function run(latent: LatentRig, seed: number, steps: number): Promise<Weather> {
  const { cloud, rig } = latent;
  const random = seededRandom(seed);
  const chance = (percent: number) => random.below(100) < percent;
  const one = <T>(of: readonly T[]): T | undefined => of[random.below(Math.max(1, of.length))];
  const workers: WorkerId[] = [];
  const builders: BuilderId[] = [];
  for (let n = 0; n < WORKERS; n += 1) {
    const config = { build_wait_timeout: -1, check_instance_interval: 3_600 };
    const worker = await latent.addLatent(`vm${n}`, config);
    workers.push(worker);
    builders.push(await rig.addBuilder(`b${n}`, [worker], [STEP]));
  }
  let jobs = await latent.jobs();
  let [sweeps, deaths, strays] = [0, 0, 0];
  /** Those that a test killed, and those whose connection it cut. */
  const doomed = new Set<string>();
  const gone: InstanceHandle[] = [];
  const before = cloud.onGone;
  cloud.onGone = (machine) => {
    const { key, tag } = machine.order;
    gone.push({ key, tag, ref: { id: machine.id }, madeAt: null });
    before(machine);
  };
  cloud.listed = (truth) => {
    const shown = truth.filter(() => !chance(25));
    return chance(30) ? [...shown, ...gone.filter(() => chance(20))] : shown;
  };

  const owned = () =>
    rig.db.rows<{ key: string; isConnected: boolean }>(
      // What is left of an earlier machine, and was told to go, does not make the present one healthy.
      `select i.key, exists (select from worker_session s where s.id = w.session_id and s.ended_at is null
         and s.generation = i.generation and s.end_requested is distinct from 'kill') as "isConnected"
       from latent_worker l join instance i on i.id = l.instance_id join worker w on w.id = l.worker_id where i.state <> 'gone'`,
    );
  const healthyStays = async () => {
    const rows = await owned();
    // Behind the rows: one that was made meanwhile is in neither, or in this alone.
    const alive = new Set(cloud.alive.map(({ order }) => order.key));
    for (const { key, isConnected } of rows) {
      if (isConnected && !doomed.has(key)) expect(alive, `seed ${seed}: ${key}`).toContain(key);
    }
  };
  const due = () =>
    rig.db.rows(
      "update deadline set fire_at = now() - interval '1 s' where kind in ('latent-worker', 'instance-stopping')",
    );
  /** Another process goes on where this one died. */
  const mayDie = async (work: (jobs: JobsProcess) => Promise<void>) => {
    if (!chance(20)) return work(jobs);
    jobs.statementsLeft = random.below(12);
    await Promise.race([work(jobs), until(() => jobs.isDead)]);
    if (jobs.isDead) deaths += 1;
    await jobs.bury();
    jobs = await latent.jobs();
  };

  for (let step = 0; step < steps; step += 1) {
    const index = random.below(WORKERS);
    const [worker, builder] = [workers[index] as WorkerId, builders[index] as BuilderId];
    switch (random.below(9)) {
      case 0:
      case 1: {
        await rig.db.rows("update worker set quarantined_until = null");
        const request = await rig.force(builder);
        await latent.claim(jobs, request, builder, worker);
        if (chance(15)) cloud.refuse("start", away());
        if (chance(15)) cloud.loseAnswer("start", away());
        await mayDie((each) => each.fleet.see(worker));
        break;
      }
      case 2: {
        const machine = one(cloud.alive);
        if (machine) doom(machine);
        break;
      }
      case 3:
        strays += 1;
        stray(`bb-1nst-stray-${strays}`);
        break;
      case 4:
        if (chance(50)) cloud.refuse("list", away());
        if (chance(30)) cloud.refuse("stop", away());
        if (chance(30)) cloud.during("stop", () => revive());
        break;
      case 5:
        await due();
        await mayDie((each) => each.sweep());
        break;
      default:
        sweeps += 1;
        await mayDie((each) => each.sweepAccounts());
    }
    await healthyStays();
  }

  // The sky clears.
  cloud.listed = null;
  for (let n = 0; n < 4; n += 1) {
    await due();
    await jobs.sweep();
    await jobs.sweepAccounts();
    for (const worker of workers) await jobs.fleet.see(worker);
  }
  await until(async () => {
    await due();
    await jobs.sweep();
    await jobs.sweepAccounts();
    const keys = (await owned()).map(({ key }) => key).sort();
    const alive = cloud.alive.map(({ order }) => order.key).sort();
    return alive.every((key) => keys.includes(key));
  });
  await healthyStays();
  expect(cloud.faults, `seed ${seed}`).toEqual([]);
  const twice = await rig.db.rows(
    "select subject from audit_entry where action = 'orphan.stopped' group by subject having count(*) > 3",
  );
  expect(twice).toEqual([]);
  return { sweeps, deaths, stops: cloud.count("stop") };

  function doom(machine: FakeMachine): void {
    doomed.add(machine.order.key);
    cloud.crash(machine, "its host burnt down", chance(50) ? "gone" : "broken");
  }
  /** What was just stopped was not. */
  function revive(): void {
    const last = cloud.machines.findLast(({ state }) => state === "gone");
    if (last && !doomed.has(last.order.key)) last.state = "running";
  }
  function stray(key: string): void {
    const tag = { installation: "1nst", organization: CALLER.orgId, worker: 0, generation: 1 };
    const agent = { host: "h", port: 1, protocol: "pb", name: "stranger", password: "p" } as const;
    latent.boots = false;
    cloud.make({ key, tag, agent }, { image: "debian" });
    latent.boots = true;
  }
}
