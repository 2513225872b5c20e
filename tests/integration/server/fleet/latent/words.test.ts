// Guarantee: whatever a provider or a machine says, in whichever characters, what follows from it can be
// written: those who wait are told, and the machine goes.
import { afterEach, beforeEach, expect, test } from "vitest";
import { EXCEPTION, RETRY } from "../../../../../server/domain/builds";
import { AppError } from "../../../../../server/domain/errors";
import type { BuilderId, WorkerId } from "../../../../../server/domain/ids";
import { DriverError } from "../../../../../server/drivers/contract";
import { isFinished, until } from "../../../../support/engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "../../../../support/latent-rig";

/** A null character, and a half of a sign that takes two. */
const UNSTORABLE = "one\0two \ud83d three";

let latent: LatentRig;
let jobs: JobsProcess;
let worker: WorkerId;
let builder: BuilderId;
beforeEach(async () => {
  latent = await createLatentRig();
  latent.boots = false;
  jobs = await latent.jobs();
  worker = await latent.addLatent("vm");
  builder = await latent.rig.addBuilder(
    "b",
    [worker],
    [{ type: "ShellCommand", name: "run", command: ["run"] }],
  );
});
afterEach(async () => {
  expect(latent.cloud.faults).toEqual([]);
  await latent.close();
});

async function ask() {
  const request = await latent.rig.force(builder);
  expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
  return request;
}
const see = () => jobs.fleet.see(worker);
const pass = (column: string) =>
  latent.rig.db.rows(`update latent_worker set ${column} = now() - interval '1 hour'`);

test("a provider refuses in words that no database takes", async () => {
  const request = await ask();
  latent.cloud.refuse("start", new DriverError("provider-down", UNSTORABLE));
  await see();
  const { result } = await latent.rig.build(request, isFinished);
  expect(result).toBe(RETRY);
  const [event] = await latent.rig.db.rows<{ reason: string }>(
    "select reason from worker_event where kind = 'machine-failed'",
  );
  expect(event?.reason).toContain("one\uFFFDtwo \uFFFD three");
});

test("a machine that crashes, having printed such words", async () => {
  const request = await ask();
  await see();
  const [machine] = latent.cloud.machines;
  latent.cloud.crash(machine as NonNullable<typeof machine>, `it said ${UNSTORABLE}`);
  await pass("checked_at");
  await see();
  expect((await latent.rig.build(request, isFinished)).result).toBe(RETRY);
  await until(async () => latent.cloud.alive.length === 0);
});

test("a machine that crashes with a library of words leaves their beginning and their end", async () => {
  const request = await ask();
  await see();
  const [machine] = latent.cloud.machines;
  const words = `first ${"and so on ".repeat(500_000)}last`;
  latent.cloud.crash(machine as NonNullable<typeof machine>, words);
  await pass("checked_at");
  await see();
  await latent.rig.build(request, isFinished);
  const [instance] = await latent.rig.db.rows<{ end_reason: string }>(
    "select end_reason from instance",
  );
  expect(instance?.end_reason).toMatch(/logged in: first .* … .* last$/s);
  expect(instance?.end_reason.length).toBeLessThan(21_000);
});

test("a machine that never logs in, having printed such words", async () => {
  const request = await ask();
  await see();
  const [machine] = latent.cloud.machines;
  (machine as NonNullable<typeof machine>).printed = UNSTORABLE;
  await pass("missing_at");
  await see();
  expect((await latent.rig.build(request, isFinished)).result).toBe(RETRY);
  await until(async () => latent.cloud.alive.length === 0);
});

test("a machine whose provider wants to be left alone for years is stopped long before", async () => {
  await ask();
  await see();
  const years = { retryAfterSeconds: 999_999_999 };
  latent.cloud.refuse("stop", new DriverError("quota", "later", years));
  await pass("missing_at");
  await see();
  const [stop] = await latent.rig.db.rows<{ isSoon: boolean }>(
    `select fire_at <= now() + interval '1 hour' as "isSoon" from deadline where kind = 'instance-stopping'`,
  );
  expect(stop).toEqual({ isSoon: true });
});

test("a machine that cannot be stopped, for such a reason", async () => {
  const request = await ask();
  await see();
  latent.cloud.refuse("stop", new DriverError("provider-down", UNSTORABLE));
  await pass("missing_at");
  await see();
  await latent.rig.build(request, isFinished);
  await until(async () => (await latent.instances())[0]?.stop_tries === 1);
});

test("a secret that cannot be read any more fails a start, and keeps no worker from its next machine", async () => {
  const secret = (read: () => string) =>
    Object.assign(jobs.context, { reveal: async () => new Map([["image", read()]]) });
  const unreadable = () => {
    throw new AppError("secret.unreadable", { name: "image" });
  };
  await latent.rig.db.rows("update worker set config = $1", [{ image: "%(secret:image)s" }]);
  secret(() => "debian");
  await ask();
  await see();
  secret(unreadable);
  await pass("missing_at");
  await see();
  await until(async () => (await latent.row(worker)).state === "insubstantiated");
  expect(await latent.instances()).toMatchObject([{ state: "stopping", stop_tries: 1 }]);
  await latent.rig.db.rows("update worker set quarantined_until = null");
  const request = await ask();
  await see();
  expect((await latent.rig.build(request, isFinished)).result).toBe(EXCEPTION);
  await jobs.sweepAccounts();
  const [report] = await latent.rig.db.rows<{ error: string }>("select error from sweep_report");
  expect(report?.error).toMatch(/secret image/);
});

test("what stands under our name and is not ours is called so", async () => {
  latent.cloud.unclear = [{ name: UNSTORABLE, why: UNSTORABLE }];
  await jobs.sweepAccounts();
  const [report] = await latent.rig.db.rows<{ details: object[] }>(
    "select details from sweep_report",
  );
  expect(report?.details).toMatchObject([{ kind: "unclear", key: "one\uFFFDtwo \uFFFD three" }]);
});
