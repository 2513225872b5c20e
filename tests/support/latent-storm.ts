/**
 * Random lives of a latent worker: builds asked for and stopped, machines that boot, crash and lose
 * their connection, processes that die, idle times that pass, in any order. After each step what must
 * always hold is looked at; in the end everything comes to rest and nothing is left.
 */
import type { BuilderId, BuildId, BuildRequestId, WorkerId } from "../../server/domain/ids";
import { untilStopped } from "../../server/protocols/null";
import { CALLER, until } from "./engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "./latent-rig";
import { seededRandom } from "./seeded-random";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

export interface StormOutcome {
  readonly steps: number;
  readonly builds: number;
  readonly machines: number;
}

interface Storm {
  readonly latent: LatentRig;
  readonly random: () => number;
  readonly worker: WorkerId;
  readonly builders: readonly BuilderId[];
  jobs: JobsProcess[];
  readonly open: Set<BuildRequestId>;
}

/** @throws Error that names the seed when what must hold does not */
export async function latentStorm(seed: number, steps: number): Promise<StormOutcome> {
  const latent = await createLatentRig();
  try {
    const numbers = seededRandom(seed);
    const random = () => numbers.below(1_000_000) / 1_000_000;
    const config = { build_wait_timeout: random() < 0.5 ? 0 : 600 };
    const worker = await latent.addLatent("vm", config, 3);
    const builders = await Promise.all(
      ["a", "b", "c"].map((name) => latent.rig.addBuilder(name, [worker], [STEP])),
    );
    const jobs = [await latent.jobs(), await latent.jobs()];
    const storm: Storm = { latent, random, worker, builders, jobs, open: new Set() };
    for (let step = 0; step < steps; step += 1) {
      for (const agent of latent.workers) agent.behaviour = untilStopped;
      const act = pick(random, ACTS);
      await act(storm);
      await check(storm, `seed ${seed}, step ${step}, ${act.name}`);
    }
    await rest(storm);
    await check(storm, `seed ${seed}, at rest`);
    const [count] = await latent.rig.db.rows<{ builds: number }>(
      "select count(*)::int as builds from build",
    );
    const machines = latent.cloud.machines.length;
    return { steps, builds: count?.builds ?? 0, machines };
  } finally {
    await latent.close();
  }
}

type Act = (storm: Storm) => Promise<unknown> | unknown;

async function ask({ latent, random, builders, open }: Storm) {
  open.add(await latent.rig.force(pick(random, builders)));
}

const distribute = ({ latent, random, jobs }: Storm) => latent.distribute(pick(random, jobs));

const see = ({ random, jobs, worker }: Storm) => pick(random, jobs).fleet.see(worker);

const sweep = ({ random, jobs }: Storm) => pick(random, jobs).sweep();

/** Assigning and letting go at once, by two processes. */
async function concurrently(storm: Storm) {
  const { latent } = storm;
  await latent.rig.db.rows(
    "update build set complete_at = now() - interval '1 h' where complete_at is not null",
  );
  await latent.rig.db.rows("update latent_worker set state_since = now() - interval '2 h'");
  await Promise.all([ask(storm), see(storm), distribute(storm), see(storm), distribute(storm)]);
}

/** The time after the last build passes. */
async function idle({ latent }: Storm) {
  await latent.rig.db.rows(
    "update build set complete_at = now() - interval '1 h' where complete_at is not null",
  );
  await latent.rig.db.rows("update latent_worker set state_since = now() - interval '2 h'");
}

/** What builds on the machine do: they run until they are told to end. */
async function finishBuild({ latent, random }: Storm) {
  const running = await unfinished(latent, "running");
  if (running.length === 0) return;
  await latent.rig.commands
    .stopBuild(CALLER, pick(random, running), { reason: "finish" })
    .catch(() => {});
}

async function stopBuild({ latent, random }: Storm) {
  const waiting = await unfinished(latent, "preparing");
  if (waiting.length === 0) return;
  await latent.rig.commands
    .stopBuild(CALLER, pick(random, waiting), { reason: "stop" })
    .catch(() => {});
}

function loseConnection({ latent, random }: Storm) {
  if (random() < 0.7) return;
  latent.workers.at(-1)?.lose("the network");
}

async function killJobs(storm: Storm) {
  if (storm.random() < 0.5) return;
  const [victim, ...others] = storm.jobs;
  await victim?.bury();
  storm.jobs = [...others, await storm.latent.jobs()];
}

const ACTS: readonly Act[] = [
  ...[ask, ask, ask, distribute, distribute, see, see, see, sweep],
  ...[finishBuild, finishBuild, stopBuild, idle, loseConnection, killJobs, concurrently],
];

const unfinished = async (latent: LatentRig, state: string) =>
  (
    await latent.rig.db.rows<{ id: BuildId }>("select id from build where state = $1 order by id", [
      state,
    ])
  ).map(({ id }) => id);

async function check({ latent }: Storm, where: string): Promise<void> {
  // Whatever machine was told to go had no build that ran and that nobody had told to stop.
  const killed = await latent.rig.db.rows(
    `select t.subject_id from transition t join build b on b.instance_id = t.subject_id
       join worker_session s on s.id = b.session_id
     where t.kind = 'instance' and t.to_state = 'stopping' and b.stop_requested_at is null
       and coalesce(s.end_reason, '') <> 'the network'
       and exists (select from transition r where r.kind = 'build' and r.subject_id = b.id and r.to_state = 'running' and r.id < t.id)
       and not exists (select from transition f where f.kind = 'build' and f.subject_id = b.id and f.to_state = 'finished' and f.id < t.id)`,
  );
  if (killed.length > 0) throw new Error(`a machine was stopped under its build: ${where}`);
  const faults = latent.cloud.faults;
  if (faults.length > 0) throw new Error(`${faults.join("; ")}: ${where}`);
}

/** Nothing is asked for any more: everything ends. */
async function rest(storm: Storm): Promise<void> {
  const { latent, worker, jobs } = storm;
  await latent.rig.db.rows("update worker set quarantined_until = null");
  await until(async () => {
    for (const id of [
      ...(await unfinished(latent, "running")),
      ...(await unfinished(latent, "preparing")),
    ]) {
      await latent.rig.commands.stopBuild(CALLER, id, { reason: "the end" }).catch(() => {});
    }
    await latent.rig.db.rows("update worker set quarantined_until = null");
    for (const each of jobs) await each.sweep();
    await latent.rig.sweep();
    await latent.distribute(jobs[0] as JobsProcess);
    await latent.rig.db.rows(
      "update build set complete_at = now() - interval '1 h' where complete_at is not null",
    );
    await latent.rig.db.rows(
      "update worker_session set ended_at = now() - interval '1 h' where ended_at is not null",
    );
    await latent.rig.db.rows("update latent_worker set state_since = now() - interval '2 h'");
    await jobs[0]?.fleet.see(worker);
    const [left] = await latent.rig.db.rows<{ requests: number; builds: number; machines: number }>(
      `select (select count(*) from build_request where state in ('pending', 'claimed'))::int as requests,
         (select count(*) from build where state <> 'finished')::int as builds,
         (select count(*) from instance where state <> 'gone')::int as machines`,
    );
    return left?.requests === 0 && left.builds === 0 && left.machines === 0;
  });
  if (latent.cloud.alive.length > 0) throw new Error("a machine is left that nobody knows of");
}

const pick = <T>(random: () => number, all: readonly T[]): T =>
  all[Math.floor(random() * all.length)] as T;
