/**
 * What nearly every test of a latent worker's life begins with: a worker `vm`, a builder `b` for it, and
 * one `jobs` process that drives it. At the end the fake cloud must have nothing to complain of.
 */
import { test as base, expect } from "vitest";
import type { BuilderId, BuildRequestId, WorkerId } from "../../server/domain/ids";
import type { FakeMachine } from "../../server/drivers/fake";
import type { NullWorker } from "../../server/protocols/null";
import { CALLER, isFinished, until } from "./engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "./latent-rig";

export const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

export interface Life {
  readonly latent: LatentRig;
  /** Who drives the worker; a test whose process died puts its heir here. */
  jobs: JobsProcess;
  readonly worker: WorkerId;
  readonly builder: BuilderId;
  configure(config: object): Promise<unknown>;
  /** A request whose build waits for the worker, or runs on it. */
  ask(builder?: BuilderId): Promise<BuildRequestId>;
  see(): Promise<void>;
  /** A whole build; afterwards its machine is there while its options keep it. */
  build(): Promise<BuildRequestId>;
  stop(request: BuildRequestId): Promise<void>;
  /** What was to come at a certain time comes now. */
  pass(column: "missing_at" | "checked_at" | "state_since"): Promise<unknown>;
  /** Every deadline of latent workers and their machines is due. */
  dueNow(): Promise<unknown>;
  endRest(): Promise<unknown>;
  /** Looks until the worker is in that state. */
  comesTo(state: string): Promise<void>;
  /** The row of the worker's session says that nobody is connected. */
  untilLost(): Promise<void>;
  machine(at: number): FakeMachine;
  /** The worker on the newest machine. */
  agent(): NullWorker;
  /** Of the machines, as our rows have them. */
  states(): Promise<string[]>;
  quarantines(): Promise<{ readonly reason: string }[]>;
}

export async function createLife(): Promise<Life> {
  const latent = await createLatentRig();
  const { rig, cloud } = latent;
  const worker = await latent.addLatent("vm");
  const builder = await rig.addBuilder("b", [worker], [STEP]);
  const life: Life = {
    ...{ latent, worker, builder, jobs: await latent.jobs() },
    configure: (config) =>
      rig.db.rows("update worker set config = $2 where id = $1", [worker, JSON.stringify(config)]),
    async ask(name = builder) {
      const request = await rig.force(name);
      expect(await latent.claim(life.jobs, request, name, worker)).toBe(true);
      return request;
    },
    see: () => life.jobs.fleet.see(worker),
    async build() {
      const request = await life.ask();
      await life.see();
      await rig.build(request, isFinished);
      await life.see();
      return request;
    },
    async stop(request) {
      await rig.commands.stopBuild(CALLER, (await rig.build(request)).id, { reason: "" });
    },
    pass: (column) => rig.db.rows(`update latent_worker set ${column} = now() - interval '1 hour'`),
    dueNow: () =>
      rig.db.rows(
        "update deadline set fire_at = now() - interval '1 s' where kind in ('latent-worker', 'instance-stopping')",
      ),
    endRest: () => rig.db.rows("update worker set quarantined_until = null"),
    async comesTo(state) {
      await until(async () => {
        await life.see();
        return (await latent.row(worker)).state === state;
      });
    },
    async untilLost() {
      await until(
        async () =>
          (await rig.db.rows("select from worker where id = $1 and session_id is null", [worker]))
            .length > 0,
      );
    },
    machine: (at) => cloud.machines[at] as FakeMachine,
    agent: () => latent.workers.at(-1) as NullWorker,
    states: async () => (await latent.instances()).map(({ state }) => state),
    quarantines: () =>
      rig.db.rows("select reason from worker_event where kind = 'quarantined' order by id"),
  };
  return life;
}

export const test = base.extend<{ life: Life }>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads which fixtures it needs from the pattern.
  life: async ({}, use) => {
    const life = await createLife();
    await use(life);
    expect(life.latent.cloud.faults).toEqual([]);
    await life.latent.close();
  },
});

/** A promise, and what settles it. */
export function gate<T = void>(): { readonly passed: Promise<T>; open(value: T): void } {
  let open = (_: T) => {};
  const passed = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}
