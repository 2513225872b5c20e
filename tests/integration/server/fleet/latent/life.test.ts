// Guarantee: a latent worker comes to life for a build and is let go after it, along the table of the
// specification (T1 to T17), and whatever the provider does to it, nothing is left that nobody owns.
import { expect } from "vitest";
import { CANCELLED, EXCEPTION, RETRY, SUCCESS } from "../../../../../server/domain/builds";
import type { BuildRequestId } from "../../../../../server/domain/ids";
import { DriverError } from "../../../../../server/drivers/contract";
import type { FakeMachine } from "../../../../../server/drivers/fake";
import { untilStopped } from "../../../../../server/protocols/null";
import { CALLER, isFinished, isRunning, until } from "../../../../support/engine-rig";
import { gate, type Life, STEP, test } from "../../../../support/latent-life";

const history = async ({ latent }: Life) =>
  (
    await latent.rig.db.rows<{ to_state: string }>(
      "select to_state from transition where kind = 'latent_worker' order by id",
    )
  ).map(({ to_state }) => to_state);

test("a build gets a machine of its own, and it is gone after it (T1, T3, T4, T6, T11, T14, A15)", async ({
  life,
}) => {
  const { latent, jobs, worker, ask, see, states } = life;
  for (const generation of [1, 2]) {
    const request = await ask();
    expect(await latent.rig.build(request)).toMatchObject({
      state: "preparing",
      owner_id: jobs.id,
    });
    await see();
    expect(await latent.rig.build(request, isFinished)).toMatchObject({
      result: SUCCESS,
      instance_id: (await latent.instances())[generation - 1]?.id,
    });
    await until(async () => {
      await see();
      return (await latent.row(worker)).state === "insubstantiated";
    });
    expect(await latent.row(worker)).toMatchObject({
      generation,
      instance_id: null,
      owner_id: null,
    });
    expect(await latent.rig.db.rows("select sealed_password from worker")).toEqual([
      { sealed_password: null },
    ]);
  }
  expect(await states()).toEqual(["gone", "gone"]);
  expect(latent.cloud.alive).toEqual([]);
  const keys = latent.cloud.machines.map(({ order }) => order.key);
  expect(new Set(keys).size).toBe(2);
  expect(keys[0]).toMatch(/^bb-1nst-main-vm-[0-9a-f]{8}-1$/);
  const [first, second] = latent.cloud.machines.map(({ order }) => order.agent.password);
  expect(first).not.toBe(second);
  expect((await history(life)).slice(1, 7)).toEqual([
    ...["substantiating", "starting", "substantiated"],
    ...["insubstantiating", "insubstantiated", "substantiating"],
  ]);
  expect(await latent.rig.db.rows("select from deadline where kind like 'latent%'")).toEqual([]);
  // Nobody enters while no machine is awaited.
  expect(await latent.login(latent.cloud.machines[1] as never)).toBeNull();
});

test("it stays for the next build while that comes in time (T2, W-110, W-112, A16)", async ({
  life,
}) => {
  const { latent, worker, configure, ask, see, pass } = life;
  await configure({ build_wait_timeout: 600 });
  const first = await ask();
  await see();
  await latent.rig.build(first, isFinished);
  await see();
  expect((await latent.row(worker)).state).toBe("substantiated");
  const second = await ask();
  await latent.rig.build(second, isFinished);
  expect(latent.cloud.machines).toHaveLength(1);
  await see();
  await pass("state_since");
  await latent.rig.db.rows("update build set complete_at = now() - interval '601 seconds'");
  await see();
  expect((await latent.row(worker)).state).toBe("insubstantiated");
  expect(latent.cloud.alive).toEqual([]);
});

test("a provider that says by itself that a machine died is asked at once, and once; one that lies, too (T8)", async ({
  life,
}) => {
  const { latent, worker, ask, see } = life;
  latent.boots = false;
  latent.cloud.speaks = true;
  const request = await ask();
  await see();
  const machine = latent.cloud.alive[0] as FakeMachine;
  latent.cloud.say(machine);
  await until(async () => latent.cloud.count("inspect") === 1);
  await see();
  expect((await latent.row(worker)).state).toBe("starting");
  expect(latent.cloud.count("inspect")).toBe(1);
  latent.cloud.crash(machine, "exit status 1: no buildbot.tac");
  const build = await latent.rig.build(request, isFinished);
  expect(build.state_string).toContain("exit status 1: no buildbot.tac");
  expect(latent.cloud.count("inspect")).toBe(2);
});

test("below 0 it is never stopped for idleness (W-113)", async ({ life }) => {
  const { latent, worker, configure, see, pass, build } = life;
  await configure({ build_wait_timeout: -1 });
  await build();
  await pass("state_since");
  await latent.rig.db.rows("update build set complete_at = now() - interval '30 days'");
  await see();
  expect((await latent.row(worker)).state).toBe("substantiated");
});

test("two builders that ask at once get one machine (T2b, R5)", async ({ life }) => {
  const { latent, jobs, worker, builder, see } = life;
  const other = await latent.rig.addBuilder("c", [worker], [STEP]);
  const requests = await Promise.all([latent.rig.force(builder), latent.rig.force(other)]);
  const claims = await Promise.all([
    latent.claim(jobs, requests[0], builder, worker),
    latent.claim(jobs, requests[1], other, worker),
  ]);
  // Whoever saw it before the other's wish comes again.
  if (!claims[0]) await latent.claim(jobs, requests[0], builder, worker);
  if (!claims[1]) await latent.claim(jobs, requests[1], other, worker);
  await Promise.all([see(), see(), see()]);
  for (const request of requests) {
    expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  }
  expect(latent.cloud.machines).toHaveLength(1);
});

test("a start that fails: RETRY, a rest, nothing left (T5, T10, 9.3)", async ({ life }) => {
  const { latent, worker, ask, see, states, quarantines } = life;
  latent.cloud.refuse("start", new DriverError("no-capacity", "none of this size"));
  const request = await ask();
  await see();
  const ended = await latent.rig.build(request, isFinished);
  expect(ended.result).toBe(RETRY);
  expect(ended.state_string).toContain("none of this size");
  expect((await latent.rig.request(request)).state).toBe("pending");
  expect(await latent.row(worker)).toMatchObject({ state: "insubstantiated", failure: null });
  expect((await quarantines())[0]?.reason).toContain(
    "10 s, fault 1 in a row: its machine could not",
  );
  expect(await states()).toEqual(["gone"]);
});

test("a provider that could not even be asked has nothing that must be stopped", async ({
  life,
}) => {
  const { latent, worker, ask, see, states, quarantines } = life;
  const unreachable = new DriverError("provider-down", "nothing listens there", {
    nothingMade: true,
  });
  latent.cloud.refuse("start", unreachable);
  const request = await ask();
  await see();
  expect((await latent.rig.build(request, isFinished)).result).toBe(RETRY);
  expect(await states()).toEqual(["gone"]);
  expect(latent.cloud.count("stop")).toBe(0);
  expect((await latent.row(worker)).state).toBe("insubstantiated");
  expect(await quarantines()).toHaveLength(1);
});

test("one that could be asked by whoever ordered the machine may have made it all the same", async ({
  life,
}) => {
  const { latent, jobs, ask, see } = life;
  const request = await ask();
  // It orders, asks, and is never heard again.
  latent.boots = false;
  latent.cloud.during("start", () => {
    jobs.statementsLeft = 0;
  });
  void see();
  await until(() => jobs.isDead);
  await jobs.bury();
  life.jobs = await latent.jobs();
  const away = new DriverError("provider-down", "nothing listens there", { nothingMade: true });
  latent.cloud.refuse("start", away);
  await life.jobs.sweep();
  expect((await latent.rig.build(request, isFinished)).result).toBe(RETRY);
  expect(latent.cloud.alive).toEqual([]);
  expect(latent.cloud.count("stop")).toBe(1);
});

test("one that can never succeed: EXCEPTION, and no retry (A18)", async ({ life }) => {
  const { latent, configure, ask, see, quarantines } = life;
  await configure({ image: "missing" });
  const request = await ask();
  await see();
  expect((await latent.rig.build(request, isFinished)).result).toBe(EXCEPTION);
  expect(await latent.rig.request(request)).toEqual({ state: "done", result: EXCEPTION });
  expect(await quarantines()).toHaveLength(1);
  expect(latent.cloud.machines).toEqual([]);
});

test("a machine that dies before it logs in is seen at the next look (T8, A17)", async ({
  life,
}) => {
  const { latent, worker, ask, see, pass, states, quarantines } = life;
  latent.boots = false;
  const request = await ask();
  await see();
  expect((await latent.row(worker)).state).toBe("starting");
  latent.cloud.crash(latent.cloud.machines[0] as never, "exit status 1: no buildbot.tac");
  await pass("checked_at");
  await see();
  const ended = await latent.rig.build(request, isFinished);
  expect(ended).toMatchObject({ result: RETRY });
  expect(ended.state_string).toContain(
    "crashed before it logged in: exit status 1: no buildbot.tac",
  );
  expect(await quarantines()).toHaveLength(1);
  expect(await states()).toEqual(["gone"]);
});

test("a machine that never logs in is given up in time (T9, A20)", async ({ life }) => {
  const { latent, jobs, ask, see, pass } = life;
  latent.boots = false;
  const request = await ask();
  await see();
  await pass("missing_at");
  await jobs.sweep();
  // The sweep itself had no reason to look yet; its time has come when the look that was noted has.
  await latent.rig.db.rows("update deadline set fire_at = now() where kind = 'latent-worker'");
  await jobs.sweep();
  const ended = await latent.rig.build(request, isFinished);
  expect(ended.state_string).toContain("did not log in within 1200 s");
  expect(latent.cloud.alive).toEqual([]);
  // It comes after all, too late (R4, A22).
  expect(await latent.login(latent.cloud.machines[0] as never)).toBeNull();
});

test("ten machines fail one request, then it is over (W-131)", async ({ life }) => {
  const { latent, jobs, worker, builder, see, endRest } = life;
  const request = await latent.rig.force(builder);
  for (let n = 1; n <= 10; n += 1) {
    latent.cloud.refuse("start", new DriverError("quota", "20 of 20"));
    await endRest();
    expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
    await see();
  }
  const builds = await latent.rig.builds(request);
  expect(builds.map(({ result }) => result)).toEqual([...Array(9).fill(RETRY), EXCEPTION]);
  expect(builds[9]?.state_string).toContain("10 times it could not be prepared");
  expect((await latent.rig.request(request)).state).toBe("done");
});

test("stopped by a person while its machine starts: CANCELLED, no rest, no machine (T12, A19)", async ({
  life,
}) => {
  const { latent, jobs, worker, ask, see, quarantines } = life;
  latent.boots = false;
  const request = await ask();
  await see();
  const { id } = await latent.rig.build(request);
  await latent.rig.commands.stopBuild(CALLER, id, { reason: "not needed" });
  await jobs.sweep();
  expect((await latent.rig.build(request, isFinished)).result).toBe(CANCELLED);
  expect(await latent.row(worker)).toMatchObject({ state: "insubstantiated" });
  expect(await quarantines()).toEqual([]);
  expect(latent.cloud.alive).toEqual([]);
});

test("stopped by a person while nobody has looked at it yet, and while its machine is being stopped", async ({
  life,
}) => {
  const { latent, jobs, worker, ask, see, quarantines } = life;
  const first = await ask();
  await latent.rig.commands.stopBuild(CALLER, (await latent.rig.build(first)).id, { reason: "" });
  await jobs.sweep();
  expect((await latent.rig.build(first, isFinished)).result).toBe(CANCELLED);
  expect((await latent.row(worker)).state).toBe("insubstantiated");
  expect(latent.cloud.machines).toEqual([]);
  // T2c and T13: the wish comes while the machine of the build before goes, and goes before it is gone.
  const second = await ask();
  await see();
  await latent.rig.build(second, isFinished);
  const { passed, open: go } = gate();
  latent.cloud.stall("stop", passed);
  const seeing = see();
  await latent.reach(worker, "insubstantiating");
  const third = await ask();
  await latent.reach(worker, "resubstantiating");
  await latent.rig.commands.stopBuild(CALLER, (await latent.rig.build(third)).id, { reason: "" });
  const swept = jobs.sweep();
  expect((await latent.rig.build(third, isFinished)).result).toBe(CANCELLED);
  go();
  await Promise.all([seeing, swept]);
  expect((await latent.row(worker)).state).toBe("insubstantiated");
  expect(latent.cloud.machines).toHaveLength(1);
  expect(await quarantines()).toEqual([]);
});

test("a wish that comes while the machine goes gets the next one (T2c, T15)", async ({ life }) => {
  const { latent, worker, ask, see } = life;
  const first = await ask();
  await see();
  await latent.rig.build(first, isFinished);
  const { passed, open: go } = gate();
  latent.cloud.stall("stop", passed);
  const seeing = see();
  await latent.reach(worker, "insubstantiating");
  const second = await ask();
  go();
  await seeing;
  await see();
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines.map(({ state }) => state)[0]).toBe("gone");
  expect(latent.cloud.machines).toHaveLength(2);
});

test("a lost connection ends the build, and the next build has another machine (T16, T2d, R3)", async ({
  life,
}) => {
  const { latent, jobs, worker, builder, configure, ask, see, agent, quarantines } = life;
  await configure({ build_wait_timeout: 600 });
  const first = await ask();
  await see();
  await until(() => latent.workers.length === 1);
  await latent.rig.build(first, isFinished);
  agent().behaviour = untilStopped;
  const second = await ask();
  await latent.rig.build(second, isRunning);
  agent().lose();
  expect((await latent.rig.build(second, isFinished)).result).toBe(RETRY);
  await see();
  expect((await latent.row(worker)).state).toBe("substantiated");
  expect(latent.cloud.alive).toHaveLength(1);
  expect(await latent.claim(jobs, second, builder, worker)).toBe(true);
  await see();
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines.map(({ state }) => state)).toEqual(["gone", "running"]);
  expect(await quarantines()).toEqual([]);
});

test("a machine that dies under its build is known to be gone at once, and why (K-035)", async ({
  life,
}) => {
  const { latent, worker, configure, ask, see, agent, states, quarantines } = life;
  await configure({ build_wait_timeout: 600 });
  const request = await ask();
  await see();
  await until(() => latent.workers.length === 1);
  agent().behaviour = untilStopped;
  const build = await latent.rig.build(request, isRunning);
  // As a worker that keeps its build: it waits for it to come back.
  await latent.rig.db.rows("update build set keeper = 'it' where id = $1", [build.id]);
  latent.cloud.crash(latent.cloud.alive[0] as FakeMachine, "killed: out of memory (limit 4Gi)");
  await until(
    async () =>
      (await latent.rig.db.rows("select from worker where session_id is null")).length > 0,
  );
  await see();
  const ended = await latent.rig.build(request, isFinished);
  expect(ended.result).toBe(RETRY);
  expect(await latent.row(worker)).toMatchObject({ state: "insubstantiated" });
  expect(await states()).toEqual(["gone"]);
  const reasons = await latent.rig.db.rows<{ reason: string }>(
    "select reason from transition where kind in ('build', 'instance') and subject_id in ($1, 1)",
    [build.id],
  );
  expect(reasons.map(({ reason }) => reason)).toContain(
    "its machine is gone: killed: out of memory (limit 4Gi)",
  );
  expect(await quarantines()).toEqual([]);
});

test("nobody comes back: the machine is stopped after two minutes (W-140)", async ({ life }) => {
  const { latent, worker, configure, see, agent, build } = life;
  await configure({ build_wait_timeout: 600 });
  await build();
  agent().lose();
  await until(
    async () =>
      (await latent.rig.db.rows("select from worker where session_id is null")).length > 0,
  );
  await see();
  expect((await latent.row(worker)).state).toBe("substantiated");
  await latent.rig.db.rows(`with w as (update latent_worker set state_since = now() - interval '1 hour')
    update worker_session set ended_at = now() - interval '121 seconds'`);
  await see();
  expect(await latent.row(worker)).toMatchObject({ state: "insubstantiated" });
  expect(latent.cloud.alive).toEqual([]);
});

test("a change of the configuration is for the next machine (R8)", async ({ life }) => {
  const { latent, worker, configure, ask, see, pass } = life;
  latent.boots = false;
  await configure({ image: "one" });
  await ask();
  await see();
  await configure({ image: "missing" });
  await pass("checked_at");
  await see();
  expect((await latent.row(worker)).state).toBe("starting");
  await latent.login(latent.cloud.machines[0] as never);
  await until(async () => {
    await see();
    return (await latent.row(worker)).state === "insubstantiated";
  });
  const next = await ask();
  await see();
  expect((await latent.rig.build(next, isFinished)).result).toBe(EXCEPTION);
});

test("one process drives it, however many look; what another one saw is not lost (R9, R10)", async ({
  life,
}) => {
  const { latent, worker, ask, see } = life;
  const others = [await latent.jobs(), await latent.jobs()];
  const { passed, open: go } = gate();
  latent.cloud.stall("start", passed);
  const request = await ask();
  const seeing = see();
  await until(() => latent.cloud.count("start") === 1);
  await Promise.all(others.flatMap((other) => [other.fleet.see(worker), other.sweep()]));
  expect(latent.cloud.count("start")).toBe(1);
  go();
  await seeing;
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  await Promise.all([see(), ...others.map((other) => other.fleet.see(worker))]);
  await until(async () => {
    await see();
    return (await latent.row(worker)).state === "insubstantiated";
  });
  expect(latent.cloud.machines).toHaveLength(1);
});

test("a worker that is removed is shut down, with a machine that would stay for ever (A-01, T17)", async ({
  life,
}) => {
  const { latent, jobs, worker, builder, configure, ask, see, agent } = life;
  await configure({ build_wait_timeout: -1 });
  const first = await ask();
  await see();
  await latent.rig.build(first, isFinished);
  const second = await ask();
  agent().behaviour = untilStopped;
  await latent.rig.db.rows("update worker set removed_at = now()");
  await see();
  expect((await latent.rig.build(second, isFinished)).result).toBe(RETRY);
  expect((await latent.row(worker)).state).toBe("shut-down");
  expect(latent.cloud.alive).toEqual([]);
  expect(await latent.claim(jobs, second, builder, worker)).toBe(false);
  await latent.rig.db.rows("update worker set removed_at = null");
  await see();
  expect((await latent.row(worker)).state).toBe("insubstantiated");
});

test("while a build wants it, it is not let go: either has the machine, or the wish stands (R6)", async ({
  life,
}) => {
  const { latent, jobs, worker, builder, ask, see } = life;
  for (let n = 0; n < 8; n += 1) {
    const request = await ask();
    await see();
    await latent.rig.build(request, isFinished);
    const next = await latent.rig.force(builder);
    const [claimed] = await Promise.all([latent.claim(jobs, next, builder, worker), see()]);
    if (!claimed) expect(await latent.claim(jobs, next, builder, worker)).toBe(true);
    await see();
    expect((await latent.rig.build(next, isFinished)).result).toBe(SUCCESS);
    await until(async () => {
      await see();
      return (await latent.row(worker)).state === "insubstantiated";
    });
  }
  expect(latent.cloud.alive).toEqual([]);
});

test("the distributor gives a request to whoever can build it, a machine that is still to be made too", async ({
  life,
}) => {
  const { latent, jobs, worker, builder, see } = life;
  const idle = await latent.rig.addWorker("static");
  const both = await latent.rig.addBuilder("both", [idle, worker], [STEP]);
  const requests = [await latent.rig.force(both), await latent.rig.force(builder)];
  // The static one is not connected: what both could build waits for a machine, and so does the other.
  expect(await latent.distribute(jobs)).toBe(2);
  for (const request of requests) {
    expect(await latent.rig.build(request, isFinished)).toMatchObject({
      ...{ result: SUCCESS, worker_id: worker },
    });
  }
  await until(async () => {
    await see();
    return (await latent.row(worker)).state === "insubstantiated";
  });
  // Of a process that drives no latent workers, they get no builds.
  const more = await latent.rig.force(builder);
  await latent.rig.distribute();
  expect((await latent.rig.request(more)).state).toBe("pending");
});

test("at 0 each of five builds that wait in line has a fresh machine (W-111, A15)", async ({
  life,
}) => {
  const { latent, jobs, builder, see } = life;
  const requests: BuildRequestId[] = [];
  for (let n = 0; n < 5; n += 1) requests.push(await latent.rig.force(builder));
  await until(async () => {
    await latent.distribute(jobs);
    await see();
    const states = await Promise.all(requests.map((request) => latent.rig.request(request)));
    return states.every(({ state }) => state === "done");
  });
  expect(latent.cloud.machines).toHaveLength(5);
  for (const request of requests) {
    expect(await latent.rig.builds(request)).toMatchObject([{ result: SUCCESS }]);
  }
});

test("paused, resting or shut down, it is given nothing; connected or not does not matter", async ({
  life,
}) => {
  const { latent, jobs, builder, see } = life;
  const request = await latent.rig.force(builder);
  const to = (set: string) => latent.rig.db.rows(`update worker set ${set}`);
  await to("paused_at = now()");
  expect(await latent.distribute(jobs)).toBe(0);
  await to("paused_at = null, quarantined_until = now() + interval '1 hour'");
  expect(await latent.distribute(jobs)).toBe(0);
  await to("quarantined_until = null, removed_at = now()");
  await see();
  expect(await latent.distribute(jobs)).toBe(0);
  await to("removed_at = null");
  expect(await latent.distribute(jobs)).toBe(0);
  await see();
  expect(await latent.distribute(jobs)).toBe(1);
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
});

test("a build that is cancelled while its machine is asked for: at once, and the machine is stopped behind the call", async ({
  life,
}) => {
  const { latent, worker, ask, see, quarantines } = life;
  for (const verb of ["stall", "delayAnswer"] as const) {
    latent.boots = false;
    latent.cloud[verb]("start", new Promise(() => {}));
    const calls = latent.cloud.count("start");
    const request = await ask();
    const seeing = see();
    await until(() => latent.cloud.count("start") > calls);
    await latent.rig.commands.stopBuild(CALLER, (await latent.rig.build(request)).id, {
      reason: "",
    });
    // Whoever hears of it is another process than the one that waits for the cloud.
    const other = await latent.jobs();
    const sweeping = other.sweep();
    expect((await latent.rig.build(request, isFinished)).result).toBe(CANCELLED);
    await Promise.all([seeing, sweeping]);
    expect((await latent.row(worker)).state).toBe("insubstantiated");
    expect(latent.cloud.alive).toEqual([]);
    expect(await quarantines()).toEqual([]);
  }
});
