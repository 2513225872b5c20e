// Guarantee: a process that sweeps may die at any statement, and between a stop and its answer; another one
// goes on from there. Each orphan is stopped and audited once, and what is healthy stays.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BuilderId, WorkerId } from "../../../../../server/domain/ids";
import { CALLER, isFinished, until } from "../../../../support/engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "../../../../support/latent-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let latent: LatentRig;
let worker: WorkerId;
let builder: BuilderId;
let healthy: string;
beforeEach(async () => {
  latent = await createLatentRig();
  worker = await latent.addLatent("vm", { build_wait_timeout: -1 });
  builder = await latent.rig.addBuilder("b", [worker], [STEP]);
  const jobs = await latent.jobs();
  const request = await latent.rig.force(builder);
  await latent.claim(jobs, request, builder, worker);
  await jobs.fleet.see(worker);
  await latent.rig.build(request, isFinished);
  healthy = latent.cloud.alive[0]?.order.key ?? "";
});
afterEach(() => latent.close());

let made = 0;
/** An orphan of the worker that has a healthy machine, sighted once. */
async function orphan(survivor: JobsProcess): Promise<string> {
  made += 1;
  const key = `bb-1nst-lost-${made}`;
  const tag = { installation: "1nst", organization: CALLER.orgId, worker, generation: -made };
  const agent = { host: "h", port: 1, protocol: "pb", name: "stranger", password: "p" } as const;
  latent.boots = false;
  latent.cloud.make({ key, tag, agent }, { image: "debian" });
  latent.boots = true;
  await survivor.sweepAccounts();
  return key;
}

async function allIsWell(survivor: JobsProcess, key: string): Promise<void> {
  await until(async () => {
    await survivor.sweepAccounts();
    const alive = latent.cloud.alive.map(({ order }) => order.key);
    return alive.length === 1 && alive[0] === healthy;
  });
  await survivor.sweepAccounts();
  await survivor.fleet.see(worker);
  const { db } = latent.rig;
  const audited = await db.rows("select id from audit_entry where subject = $1", [key]);
  expect(audited).toHaveLength(1);
  expect(await db.rows("select id from instance_sighting")).toEqual([]);
  expect(await db.rows("select id from instance_account where owner_id is not null")).toEqual([]);
  await until(async () => (await latent.row(worker)).owner_id === null);
  expect((await latent.row(worker)).state).toBe("substantiated");
  expect(latent.cloud.faults).toEqual([]);
}

test("dies at every statement of a sweep that stops something", async () => {
  let statement = 0;
  for (; ; statement += 1) {
    const [survivor, mortal] = [await latent.jobs(), await latent.jobs()];
    const key = await orphan(survivor);
    mortal.statementsLeft = statement;
    await Promise.race([mortal.sweepAccounts(), until(() => mortal.isDead)]);
    const hasDied = mortal.isDead;
    await mortal.bury();
    await allIsWell(survivor, key);
    if (!hasDied) break;
  }
  expect(statement).toBeGreaterThan(8);
}, 180_000);

test("dies between what the provider did and its answer", async () => {
  for (const verb of ["list", "stop"] as const) {
    const [survivor, mortal] = [await latent.jobs(), await latent.jobs()];
    const key = await orphan(survivor);
    latent.cloud.during(verb, () => {
      mortal.statementsLeft = 0;
    });
    await Promise.race([mortal.sweepAccounts(), until(() => mortal.isDead)]);
    await mortal.bury();
    await allIsWell(survivor, key);
  }
});
