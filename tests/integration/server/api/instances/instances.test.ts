// Guarantee: a machine's page tells its whole life, which builds it ran and what each of them cost; costs
// of days, workers and builders add up to what machines cost; and another organisation sees none of it.
import { afterAll, beforeAll, expect, test } from "vitest";
import { accountsBeside } from "../../../../../server/api/instances/accounts";
import { costs } from "../../../../../server/api/instances/costs";
import { limitsOf } from "../../../../../server/api/instances/limits";
import { listInstances } from "../../../../../server/api/instances/list";
import { machineOfBuild, oneInstance } from "../../../../../server/api/instances/one";
import { listSweeps } from "../../../../../server/api/instances/sweeps";
import { listRequests } from "../../../../../server/api/requests/list";
import type { BuilderId, WorkerId } from "../../../../../server/domain/ids";
import { DriverError } from "../../../../../server/drivers/contract";
import { instanceMetrics } from "../../../../../server/rest/instance-metrics";
import { CALLER, isFinished, until } from "../../../../support/engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "../../../../support/latent-rig";
import { type WebScopes, webScopes } from "../../../../support/web-scope";

let latent: LatentRig;
let web: WebScopes;
let jobs: JobsProcess;
let worker: WorkerId;
let builder: BuilderId;
const today = new Date().toISOString().slice(0, 10);

beforeAll(async () => {
  latent = await createLatentRig();
  web = webScopes(latent.rig.url);
  jobs = await latent.jobs();
  worker = await latent.addLatent("vm", { price_per_hour: 3.6 });
  builder = await latent.rig.addBuilder(
    "b",
    [worker],
    [{ type: "ShellCommand", name: "run", command: ["run"] }],
  );
});
afterAll(async () => {
  await web?.end();
  await latent?.close();
});

async function life() {
  const request = await latent.rig.force(builder);
  expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
  await jobs.fleet.see(worker);
  const build = await latent.rig.build(request, isFinished);
  await until(async () => {
    await jobs.fleet.see(worker);
    return (await latent.row(worker)).state === "insubstantiated";
  });
  return build;
}

const own = () => web.scope(CALLER.orgId);
const other = () => web.scope(2);

test("a life that went well: its changes, its stretches, its build", async () => {
  const build = await life();
  const { instances, before } = await listInstances(own(), {});
  expect(before).toBeNull();
  expect(instances).toMatchObject([
    {
      ...{ worker: "vm", generation: 1, state: "gone", activity: "gone", isFailed: false },
      ...{ pricePerHour: 3.6, buildCount: 1, runningBuilds: 0 },
      endReason: "each build has a machine of its own",
    },
  ]);
  const machine = await oneInstance(own(), { instanceId: instances[0]?.id ?? 0 });
  expect(machine.events.map(({ from, to }) => `${from} ${to}`)).toEqual(
    expect.arrayContaining(["null requested", "running stopping", "stopping gone"]),
  );
  const phases = machine.stretches.map(({ phase }) => phase);
  expect(phases).toContain("building");
  expect(phases.at(-1)).toBe("stopping");
  expect(machine.stretches.at(-1)?.to).toBe(machine.goneAt);
  expect(machine.builds).toMatchObject([{ id: build.id, builder: "b", result: 0 }]);
  expect(machine.startMs).toBeGreaterThanOrEqual(0);
  expect(await machineOfBuild(own(), { buildId: build.id })).toMatchObject({
    machine: { id: machine.id },
  });
});

test("one that never came says why in the provider's words, and the build that waited stands by it", async () => {
  latent.cloud.refuse("start", new DriverError("quota", "20 of 20 machines"));
  await life();
  const { instances } = await listInstances(own(), { which: "failed", workerId: worker });
  expect(instances).toHaveLength(1);
  expect(instances[0]).toMatchObject({
    ...{ activity: "failed", isFailed: true, answeredAt: null, seconds: 0, buildCount: 1 },
    endReason: "its machine could not be started: 20 of 20 machines",
  });
  const machine = await oneInstance(own(), { instanceId: instances[0]?.id ?? 0 });
  expect(machine.builds).toMatchObject([{ from: null, cost: null }]);
  expect(machine.startMs).toBeNull();
  expect(machine.endAdvice).toMatch(/the account needs a higher limit/);
  // And so does the request, which waits until the worker has rested from it.
  const [waiting] = (await listRequests(own(), {})).requests;
  expect(waiting?.why).toMatchObject({
    code: "quarantined",
    cause: {
      words: "its machine could not be started: 20 of 20 machines",
      ...{ advice: machine.endAdvice, instanceId: machine.id },
    },
  });
  expect(waiting?.why.until).toBeGreaterThan(Date.now());
  await latent.rig.db.rows("update worker set quarantined_until = null");
  await latent.rig.db.rows("update build_request set state = 'cancelled' where state = 'pending'");
});

test("figures of them for Prometheus", async () => {
  const lines = await own().within((tx) => instanceMetrics(tx, CALLER.orgId));
  expect(lines).toContain("latent_orphans 0");
  expect(lines).toContain('latent_instances{state="running"} 0');
  expect(lines).toContain("latent_failed_starts 1");
  expect(lines).toContain('latent_start_seconds_bucket{le="+Inf"} 1');
  expect(lines).toContain("latent_start_seconds_count 1");
  const figures = lines.filter((line) => !line.startsWith("#"));
  for (const line of figures) expect(line).toMatch(/^latent_[a-z_]+(\{[a-z]+="[^"]+"\})? [0-9.]+$/);
});

test("costs by day, worker and builder: of the machine that was made, not of the one that was not", async () => {
  const yesterday = new Date(Date.parse(today) - 86_400_000).toISOString().slice(0, 10);
  const both = await costs(own(), { from: yesterday, to: today });
  expect(both).toMatchObject({ machines: 1, unpriced: 0, unused: { machines: 0, cost: 0 } });
  expect(both.seconds).toBeGreaterThan(0);
  expect(both.cost).toBeCloseTo((both.seconds * 3.6) / 3_600, 9);
  expect(both.days.map(({ day }) => day)).toEqual([yesterday, today]);
  expect(both.days.reduce((sum, { cost }) => sum + cost, 0)).toBeCloseTo(both.cost, 9);
  for (const [row, name] of [
    [both.workers, "vm"],
    [both.builders, "b"],
  ] as const) {
    expect(row).toMatchObject([{ name, machines: 1 }]);
    expect(row[0]?.cost).toBeCloseTo(both.cost, 9);
  }
  const none = await costs(own(), { from: "2001-01-01", to: "2001-01-02" });
  expect(none).toMatchObject({ cost: 0, seconds: 0, days: [{ cost: 0 }, { cost: 0 }] });
  for (const [from, to] of [
    ["2001-01-01", "2002-01-01"],
    [today, yesterday],
  ] as const) {
    await expect(costs(own(), { from, to })).rejects.toMatchObject({ code: "request.malformed" });
  }
});

test("the provider's list stands beside ours, with what does not agree, and sweeps are told", async () => {
  // Whoever may make machines there may give them any label.
  const generation = 7_000_000_000;
  const tag = { installation: "1nst", organization: CALLER.orgId, worker: 0, generation };
  const agent = { host: "h", port: 1, protocol: "pb", name: "stranger", password: "p" } as const;
  latent.boots = false;
  latent.cloud.make({ key: "bb-lost-7", tag, agent }, { image: "debian" });
  const request = await latent.rig.force(builder);
  expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
  await jobs.fleet.see(worker);
  await jobs.sweepAccounts();
  const { accounts } = await accountsBeside(own());
  expect(accounts).toHaveLength(1);
  const [account] = accounts;
  expect(account).toMatchObject({ title: "FakeLatentWorker", error: null, isRemoved: false });
  expect(account?.listed).toMatchObject([
    { state: "starting", worker: "vm", generation: 3 },
    { key: "bb-lost-7", generation, instanceId: null, worker: null },
  ]);
  expect(account?.ours).toMatchObject([{ worker: "vm", state: "starting", isListed: true }]);
  expect(account?.sightings).toMatchObject([{ kind: "orphan", key: "bb-lost-7", times: 1 }]);
  expect((await listInstances(own(), { which: "live" })).orphans).toBe(1);
  await jobs.sweepAccounts();
  await jobs.sweepAccounts();
  const { sweeps } = await listSweeps(own(), { accountId: account?.id });
  expect(sweeps.map(({ orphans, stopped }) => [orphans, stopped])).toEqual([
    [0, 0],
    [1, 1],
    [1, 0],
  ]);
  expect((await listSweeps(own(), { eventful: true })).sweeps).toHaveLength(2);
  expect(sweeps[1]?.details).toMatchObject([{ key: "bb-lost-7", action: "stopped", times: 2 }]);
  const [machine] = latent.cloud.alive;
  if (machine) await latent.login(machine);
  await latent.rig.build(request, isFinished);
  latent.boots = true;
  // As an account that no worker uses any more is left, once it is empty.
  await latent.rig.db.rows("update instance_account set next_at = 'infinity'");
  expect((await accountsBeside(own())).accounts).toMatchObject([{ nextAt: null }]);
  await latent.rig.db.rows("update instance_account set next_at = now()");
});

test("pages of the list follow each other", async () => {
  const { db } = latent.rig;
  await db.rows(
    `insert into instance (org_id, worker_id, driver, key, state, reason, generation, gone_at)
     select 1, $1, 'FakeLatentWorker', 'old-' || n, 'gone', 'old', 100 + n, now() from generate_series(1, 60) n`,
    [worker],
  );
  const first = await listInstances(own(), { driver: "FakeLatentWorker" });
  expect(first.instances).toHaveLength(50);
  const second = await listInstances(own(), { cursor: first.before });
  expect(second.instances).toHaveLength(13);
  expect(second.before).toBeNull();
  expect((await listInstances(own(), { driver: "DockerLatentWorker" })).instances).toEqual([]);
});

test("nobody else sees any of it", async () => {
  const { instances } = await listInstances(own(), {});
  const instanceId = instances[0]?.id ?? 0;
  expect(await listInstances(other(), {})).toMatchObject({ instances: [], live: {} });
  await expect(oneInstance(other(), { instanceId })).rejects.toMatchObject({
    code: "request.not-found",
  });
  expect((await costs(other(), { from: today, to: today })).machines).toBe(0);
  expect(await accountsBeside(other())).toEqual({ accounts: [] });
  expect(await listSweeps(other(), {})).toEqual({ sweeps: [], before: null });
  expect((await limitsOf(other())).changedAt).toBeNull();
});
