// Guarantee: a build that waits for a machine is there from its claim on, with a step that says what
// happens to its machine, in whose words, and who ended it; the other steps come after it (W-130, K-041).
import { afterEach, beforeEach, expect, test } from "vitest";
import { CANCELLED, EXCEPTION, RETRY, SUCCESS } from "../../../../../server/domain/builds";
import type { BuilderId, BuildRequestId, LogId, WorkerId } from "../../../../../server/domain/ids";
import { DriverError } from "../../../../../server/drivers/contract";
import { readLines } from "../../../../../server/logs";
import { CALLER, isFinished, until } from "../../../../support/engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "../../../../support/latent-rig";

const STEP = { type: "ShellCommand", name: "worker_preparation", command: ["run"] };

let latent: LatentRig;
let jobs: JobsProcess;
let worker: WorkerId;
let builder: BuilderId;
beforeEach(async () => {
  latent = await createLatentRig();
  jobs = await latent.jobs();
  worker = await latent.addLatent("vm", { followStartupLogs: true });
  builder = await latent.rig.addBuilder("b", [worker], [STEP]);
});
afterEach(async () => {
  expect(latent.cloud.faults).toEqual([]);
  await latent.close();
});

async function ask(): Promise<BuildRequestId> {
  const request = await latent.rig.force(builder);
  expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
  return request;
}

const buildOf = async (request: BuildRequestId) => latent.rig.build(request);

async function stepsOf(request: BuildRequestId) {
  const { id } = await buildOf(request);
  return latent.rig.steps(id);
}

interface Log {
  readonly id: LogId;
  readonly state: string;
  readonly line_count: number;
  readonly byte_count: number;
}

async function logOf(request: BuildRequestId): Promise<Log & { readonly lines: string[] }> {
  const { id } = await buildOf(request);
  const [log] = await latent.rig.db.rows<Log>(
    "select l.* from log l join step t on t.id = l.step_id where l.build_id = $1 and t.is_preparation",
    [id],
  );
  if (!log) throw new Error("no log");
  const lines = await readLines(latent.rig.db, log.id, 0, 1_000);
  return { ...log, lines: lines.map(({ stream, text }) => `${stream}: ${text}`) };
}

test("it is there with the claim, says what happens, and ends when the build begins", async () => {
  latent.boots = false;
  const request = await ask();
  expect(await buildOf(request)).toMatchObject({
    state: "preparing",
    state_string: "preparing worker vm",
  });
  expect(await stepsOf(request)).toMatchObject([
    { name: "worker_preparation", state: "running", state_string: "preparing worker vm" },
  ]);
  expect((await logOf(request)).lines).toEqual(["header: worker vm is wanted"]);
  await jobs.fleet.see(worker);
  const [machine] = latent.cloud.machines;
  const expected = [
    "header: worker vm is wanted",
    `header: machine ${machine?.order.key} is asked for`,
    "stdout: image debian is fetched",
    "stdout: image debian boots",
    "header: the provider makes it; its worker is to log in at ci.example.org:9989",
  ];
  const grown = await until(async () => {
    const log = await logOf(request);
    return log.lines.length === expected.length ? log : null;
  });
  expect(grown.lines).toEqual(expected);
  expect(grown.state).toBe("open");
  await latent.login(machine as never);
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  const log = await logOf(request);
  expect(log.lines).toEqual([...expected, "header: its machine has logged in"]);
  expect(log).toMatchObject({ state: "finished", line_count: 6 });
  expect(Number(log.byte_count)).toBe(
    log.lines.reduce((sum, line) => sum + line.replace(/^\w+: /, "").length + 1, 0),
  );
  expect(await stepsOf(request)).toMatchObject([
    { name: "worker_preparation", result: SUCCESS, state_string: "worker ready after 1 s" },
    { name: "worker_preparation_1", result: SUCCESS },
  ]);
});

test("what a machine says is only in the log when that is asked for, and its password never", async () => {
  latent.boots = false;
  await latent.rig.db.rows("update worker set config = '{}' where id = $1", [worker]);
  const request = await ask();
  await jobs.fleet.see(worker);
  const log = await until(async () => {
    const { lines } = await logOf(request);
    return lines.length === 4 ? lines : null;
  });
  // What the provider is at is there all the same.
  expect(log).toContain("stdout: image debian is fetched");
  expect(log.join()).not.toContain("boots");
  const password = latent.cloud.machines[0]?.order.agent.password as string;
  expect(log.join()).not.toContain(password);
});

test("a start that fails is told in the provider's words, with what to do about it", async () => {
  latent.cloud.refuse("start", new DriverError("quota", "20 of 20 machines"));
  const request = await ask();
  await jobs.fleet.see(worker);
  expect((await latent.rig.build(request, isFinished)).result).toBe(RETRY);
  const [step] = await stepsOf(request);
  expect(step).toMatchObject({
    result: RETRY,
    state_string: "its machine could not be started: 20 of 20 machines",
  });
  const { lines, state } = await logOf(request);
  expect(lines.slice(2)).toEqual([
    "header: its machine could not be started: 20 of 20 machines",
    "header: It is tried again by itself; the account needs a higher limit, or fewer machines at a time.",
  ]);
  expect(state).toBe("finished");
});

test("of a machine that never logs in, or dies, the last that it printed is there in any case", async () => {
  latent.boots = false;
  const options = { missing_timeout: 1, check_instance_interval: 1, max_preparation_failures: 0 };
  await latent.rig.db.rows("update worker set config = $2 where id = $1", [
    worker,
    JSON.stringify(options),
  ]);
  const printed = Array.from({ length: 300 }, (_, index) => `boot line ${index}`).join("\n");
  latent.cloud.onBoot = (machine) => {
    machine.printed = `${printed}\nno route to ci.example.org\n`;
  };
  const silent = await ask();
  await jobs.fleet.see(worker);
  // A log that is full takes it too.
  await latent.rig.db.rows("update log set line_count = 5000 where state = 'open'");
  const { id } = await buildOf(silent);
  await over(silent);
  const [log] = await latent.rig.db.rows<{ id: LogId; line_count: number }>(
    "select l.id, l.line_count from log l join step t on t.id = l.step_id where l.build_id = $1 and t.is_preparation",
    [id],
  );
  const last = await readLines(latent.rig.db, log?.id as LogId, 5_000, 1_000);
  const said = last.map(({ stream, text }) => `${stream}: ${text}`);
  expect(said.slice(0, 2)).toEqual([
    "header: its machine did not log in within 1 s",
    "header: the last that it printed:",
  ]);
  expect(said.slice(-3, -1)).toEqual([
    "stdout: boot line 299",
    "stdout: no route to ci.example.org",
  ]);
  expect(said).toHaveLength(203);
  expect((await buildOf(silent)).state_string).not.toContain("boot line");
  await latent.rig.db.rows(
    "update worker set quarantined_until = null, config = jsonb_set(config, '{missing_timeout}', '600')",
  );
  latent.cloud.onBoot = (machine) => latent.cloud.crash(machine, "it ended. It said:\nold\nnew");
  const crashed = await ask();
  await jobs.fleet.see(worker);
  await over(crashed);
  expect((await logOf(crashed)).lines.slice(-4, -1)).toEqual([
    "header: its machine crashed before it logged in: it ended. It said:",
    "stdout: old",
    "stdout: new",
  ]);
});

const over = (request: BuildRequestId) =>
  until(async () => {
    await jobs.fleet.see(worker);
    return isFinished(await buildOf(request)) || null;
  });

test("the end of a build that was stopped names who stopped it, and why", async () => {
  latent.boots = false;
  const request = await ask();
  await jobs.fleet.see(worker);
  const { id } = await buildOf(request);
  await latent.rig.commands.stopBuild(CALLER, id, { reason: "not needed" });
  await jobs.sweep();
  const build = await latent.rig.build(request, isFinished);
  expect(build.result).toBe(CANCELLED);
  expect(build.state_string).toBe(
    `cancelled: stopped by ${CALLER.actor} while its worker was prepared: not needed`,
  );
  expect(await stepsOf(request)).toMatchObject([{ state: "finished", result: CANCELLED }]);
  expect((await logOf(request)).state).toBe("finished");
});

test("a build that another machine's build hands on to a dead process ends with its step", async () => {
  latent.boots = false;
  const request = await ask();
  await jobs.fleet.see(worker);
  await latent.rig.db.rows("update builder_config set config = '{}'");
  await latent.login(latent.cloud.machines[0] as never);
  const build = await latent.rig.build(request, isFinished);
  expect(build.result).toBe(EXCEPTION);
  expect(await stepsOf(request)).toMatchObject([{ state: "finished", result: EXCEPTION }]);
  expect((await logOf(request)).state).toBe("finished");
});

test("the number of failures is the worker's own, and 0 is none (W-131)", async () => {
  for (const [most, results] of [
    [2, [RETRY, EXCEPTION]],
    [0, Array(12).fill(RETRY)],
  ] as const) {
    await latent.rig.db.rows("update worker set config = $2 where id = $1", [
      worker,
      JSON.stringify({ max_preparation_failures: most }),
    ]);
    const request = await latent.rig.force(builder);
    for (const _ of results) {
      latent.cloud.refuse("start", new DriverError("no-capacity", "none"));
      await latent.rig.db.rows("update worker set quarantined_until = null");
      expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
      await jobs.fleet.see(worker);
    }
    const builds = await latent.rig.builds(request);
    expect(builds.map(({ result }) => result)).toEqual(results);
    await latent.rig.db.rows("update build_request set state = 'cancelled' where id = $1", [
      request,
    ]);
  }
});
