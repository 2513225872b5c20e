// Guarantee: a process that drives latent workers may die at any statement, and between a provider's
// deed and its answer; another one goes on from there. No machine is left that nobody owns, no build
// waits for ever, and no build has two machines (W-140, R10).
import { afterEach, beforeEach, expect, test } from "vitest";
import { RETRY, SUCCESS } from "../../../../../server/domain/builds";
import type { BuilderId, BuildRequestId, WorkerId } from "../../../../../server/domain/ids";
import { DriverError } from "../../../../../server/drivers/contract";
import { until } from "../../../../support/engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "../../../../support/latent-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let latent: LatentRig;
let worker: WorkerId;
let builder: BuilderId;
beforeEach(async () => {
  latent = await createLatentRig();
  worker = await latent.addLatent("vm");
  builder = await latent.rig.addBuilder("b", [worker], [STEP]);
});
afterEach(() => latent.close());

const endRest = () => latent.rig.db.rows("update worker set quarantined_until = null");
const dueNow = () =>
  latent.rig.db.rows(
    "update deadline set fire_at = now() - interval '1 s' where kind in ('latent-worker', 'instance-stopping')",
  );

/** The request's last build ended well, or it waits again; nothing waits for anything else. */
async function settled(request: BuildRequestId): Promise<boolean> {
  const { state } = await latent.rig.request(request);
  return state === "done" || state === "pending";
}

/**
 * Until the worker is at rest, with the sweeps of a process that lives; the time of what waits comes
 * at once.
 */
async function comeToRest(jobs: JobsProcess, request: BuildRequestId): Promise<void> {
  await until(async () => {
    await dueNow();
    await jobs.sweep();
    return (await settled(request)) && (await latent.row(worker)).state === "insubstantiated";
  });
  await dueNow();
  await jobs.sweep();
}

async function nothingIsLeft(): Promise<void> {
  expect(latent.cloud.alive).toEqual([]);
  expect(latent.cloud.faults).toEqual([]);
  expect((await latent.instances()).filter(({ state }) => state !== "gone")).toEqual([]);
  expect(await latent.row(worker)).toMatchObject({
    instance_id: null,
    owner_id: null,
    failure: null,
  });
  expect(
    await latent.rig.db.rows(
      "select kind from deadline where kind like 'latent%' or kind like 'instance%'",
    ),
  ).toEqual([]);
  expect(await latent.rig.db.rows("select id from build where state <> 'finished'")).toEqual([]);
}

/** One life, whose driver dies at that statement. @returns whether it came so far */
async function lifeThatDiesAt(statement: number, isFailing: boolean): Promise<boolean> {
  const survivor = await latent.jobs();
  const mortal = await latent.jobs();
  const request = await latent.rig.force(builder);
  await endRest();
  expect(await latent.claim(mortal, request, builder, worker)).toBe(true);
  if (isFailing) latent.cloud.refuse("start", new DriverError("no-capacity", "none"));
  mortal.statementsLeft = statement;
  const life = (async () => {
    while (!mortal.isDead) {
      await mortal.fleet.see(worker);
      if ((await settled(request)) && (await latent.row(worker)).state === "insubstantiated")
        return;
    }
  })();
  await Promise.race([life, until(() => mortal.isDead)]);
  const hasDied = mortal.isDead;
  await mortal.bury();
  await comeToRest(survivor, request);
  await nothingIsLeft();
  const results = (await latent.rig.builds(request)).map(({ result }) => result);
  // A refusal that died with its hearer is no reason for anything: the next start may go well.
  expect(results).toHaveLength(1);
  expect(isFailing && !hasDied ? [RETRY] : isFailing ? [RETRY, SUCCESS] : [SUCCESS]).toContain(
    results[0],
  );
  await latent.rig.db.rows("update build_request set state = 'cancelled' where state = 'pending'");
  return hasDied;
}

test("dies at every statement of a life that goes well", async () => {
  let statement = 0;
  while (await lifeThatDiesAt(statement, false)) statement += 1;
  expect(statement).toBeGreaterThan(15);
  // A machine for each life, and no more.
  expect(latent.cloud.machines).toHaveLength(statement + 1);
}, 120_000);

test("dies at every statement of a start that fails", async () => {
  let statement = 0;
  while (await lifeThatDiesAt(statement, true)) statement += 1;
  expect(statement).toBeGreaterThan(10);
  expect(latent.cloud.machines.length).toBeLessThanOrEqual(statement + 1);
}, 120_000);

test("dies between what the provider did and its answer", async () => {
  for (const verb of ["start", "stop"] as const) {
    const [mortal, survivor] = [await latent.jobs(), await latent.jobs()];
    const request = await latent.rig.force(builder);
    latent.cloud.during(verb, () => {
      mortal.statementsLeft = 0;
    });
    expect(await latent.claim(mortal, request, builder, worker)).toBe(true);
    const seeing = (async () => {
      while (!mortal.isDead) await mortal.fleet.see(worker);
    })();
    await Promise.race([seeing, until(() => mortal.isDead)]);
    await mortal.bury();
    await comeToRest(survivor, request);
    await nothingIsLeft();
  }
  expect(latent.cloud.machines).toHaveLength(2);
});

test("an answer that was lost is asked for again: the same machine (R10)", async () => {
  const jobs = await latent.jobs();
  const request = await latent.rig.force(builder);
  latent.cloud.loseAnswer("start", new DriverError("provider-down", "connection reset"));
  expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
  await jobs.fleet.see(worker);
  // It counts as failed; the machine that was made all the same is gone.
  await comeToRest(jobs, request);
  await nothingIsLeft();
  expect(latent.cloud.machines).toHaveLength(1);
});

test("a failure is forgotten when those who waited have been told, and not before", async () => {
  const jobs = await latent.jobs();
  const request = await latent.rig.force(builder);
  latent.cloud.refuse("start", new DriverError("no-capacity", "none"));
  expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
  const states: string[] = [];
  jobs.before = async (text) => {
    if (text.includes("set failure = null")) states.push((await latent.rig.build(request)).state);
  };
  await jobs.fleet.see(worker);
  expect(states).toEqual(["finished"]);
});
