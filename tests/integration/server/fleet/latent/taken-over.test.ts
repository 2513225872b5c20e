// Guarantee: a process that was thought dead and lives changes nothing of what its heir does, and asks no
// provider any more (R9). What it writes carries the epoch of its hold, which is over.
import { expect } from "vitest";
import { SUCCESS } from "../../../../../server/domain/builds";
import { DriverError } from "../../../../../server/drivers/contract";
import { isFinished, until } from "../../../../support/engine-rig";
import { gate, type Life, test } from "../../../../support/latent-life";
import type { JobsProcess } from "../../../../support/latent-rig";

/**
 * Its first process is thought dead in front of a statement that has these words, and lives.
 * @returns its heir; what lets it go on, and settles when it has nothing more to do
 */
async function thoughtDeadAt(
  life: Life,
  words: string,
): Promise<{ heir: JobsProcess; goOn: () => Promise<void> }> {
  const [there, on] = [gate(), gate()];
  const late = life.jobs;
  late.before = async (text) => {
    if (!text.includes(words)) return;
    late.before = null;
    there.open();
    await on.passed;
  };
  const seeing = life.see();
  await there.passed;
  const heir = await buried(life);
  return {
    heir,
    async goOn() {
      on.open();
      await seeing;
    },
  };
}

/** It lives, and its lease has lapsed. */
async function buried(life: Life): Promise<JobsProcess> {
  const { latent, jobs } = life;
  await latent.rig.db.rows("update process set gone_at = now() where id = $1", [jobs.id]);
  life.jobs = await latent.jobs();
  return life.jobs;
}

test("it waited for its cloud, and hears the answer", async ({ life }) => {
  const { latent, worker } = life;
  latent.boots = false;
  const answer = gate();
  latent.cloud.delayAnswer("start", answer.passed);
  await life.ask();
  const seeing = life.see();
  await until(() => latent.cloud.machines.length === 1);
  const heir = await buried(life);
  answer.open();
  await heir.sweep();
  await seeing;
  expect(await latent.row(worker)).toMatchObject({ state: "starting", generation: 1 });
  expect(latent.cloud.machines).toHaveLength(1);
  await latent.login(life.machine(0));
  await until(async () => {
    await heir.sweep();
    await heir.fleet.see(worker);
    return latent.cloud.alive.length === 0;
  });
});

test("it hears a refusal: the start of its heir goes on", async ({ life }) => {
  const { latent, worker } = life;
  latent.boots = false;
  latent.cloud.refuse("start", new DriverError("provider-down", "502"));
  const request = await life.ask();
  const { heir, goOn } = await thoughtDeadAt(life, "quarantine_count + 1");
  await heir.sweep();
  expect(latent.cloud.machines).toHaveLength(1);
  await goOn();
  expect(await latent.row(worker)).toMatchObject({ state: "starting", failure: null });
  await latent.login(life.machine(0));
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
});

test("it could not stop a machine: the next one stays its worker's", async ({ life }) => {
  const { latent, worker } = life;
  const first = await life.ask();
  await life.see();
  await latent.rig.build(first, isFinished);
  latent.cloud.refuse("stop", new DriverError("provider-down", "502"));
  const { heir, goOn } = await thoughtDeadAt(life, "stop_tries = stop_tries + 1");
  await heir.sweep();
  expect(await life.states()).toEqual(["gone"]);
  latent.boots = false;
  const second = await life.ask();
  await heir.fleet.see(worker);
  await goOn();
  expect((await latent.row(worker)).instance_id).not.toBeNull();
  await latent.login(life.machine(1));
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
});

for (const [what, words, failing] of [
  ["lets it go", 'as "isHeld"', null],
  ["gives it back", "with l as (", { at: 1, isDone: false }],
] as const) {
  test(`it ${what}: its heir holds it all the same`, async ({ life }) => {
    const { latent, worker } = life;
    life.jobs.failing = failing && { ...failing };
    const { heir, goOn } = await thoughtDeadAt(life, words);
    const answer = gate();
    latent.cloud.stall("start", answer.passed);
    const request = await life.ask();
    const seeing = heir.fleet.see(worker);
    await until(() => latent.cloud.count("start") === 1);
    await goOn();
    expect((await latent.row(worker)).owner_id).toBe(heir.id);
    await (await latent.jobs()).fleet.see(worker);
    expect(latent.cloud.count("start")).toBe(1);
    answer.open();
    await seeing;
    expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  });
}

test("it looks once more, and asks no provider", async ({ life }) => {
  const { latent, worker } = life;
  await life.ask();
  const { heir, goOn } = await thoughtDeadAt(life, 'as "hasOnePassword"');
  const answer = gate();
  latent.cloud.stall("start", answer.passed);
  const seeing = heir.fleet.see(worker);
  await until(() => latent.cloud.count("start") === 1);
  await goOn();
  expect(latent.cloud.count("start")).toBe(1);
  answer.open();
  await seeing;
});

test("it hears that another one drives, and waits for its cloud no longer", async ({ life }) => {
  const { latent, jobs, worker } = life;
  latent.cloud.stall("start", gate().passed);
  await life.ask();
  const seeing = life.see();
  await until(() => latent.cloud.count("start") === 1);
  const heir = await latent.jobs();
  await latent.rig.db.rows(
    "update latent_worker set owner_id = $1, owner_epoch = owner_epoch + 1",
    [heir.id],
  );
  jobs.fleet.reconsider(worker);
  await seeing;
  await heir.sweep();
  await heir.fleet.see(worker);
  expect(latent.cloud.machines).toHaveLength(1);
});
