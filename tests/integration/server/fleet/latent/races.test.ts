// Guarantee: each race of the specification (9.4, R1 to R10) comes to its required outcome, forced here by
// holding the losing side still at the critical moment. R9 is in taken-over.test.ts, more of R6 in claims.test.ts.
import { expect } from "vitest";
import { CANCELLED, RETRY, SUCCESS } from "../../../../../server/domain/builds";
import { DriverError } from "../../../../../server/drivers/contract";
import { untilStopped } from "../../../../../server/protocols/null";
import { CALLER, isFinished, isRunning, until } from "../../../../support/engine-rig";
import { gate, STEP, test } from "../../../../support/latent-life";

test("R1: the machine logs in before the start call returned; the answer is recorded all the same", async ({
  life,
}) => {
  const { latent, ask, see } = life;
  const answer = gate();
  latent.cloud.delayAnswer("start", answer.passed);
  const request = await ask();
  const seeing = see();
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  answer.open();
  await seeing;
  const [instance] = await latent.rig.db.rows<{ handle: { ref: unknown } }>(
    "select handle from instance",
  );
  expect(instance?.handle.ref).toEqual({ id: 1 });
  await until(async () => {
    await see();
    return latent.cloud.alive.length === 0;
  });
});

test("R2: the start returns after the deadline: its stop queues behind the call, and nothing is left", async ({
  life,
}) => {
  const { latent, ask, see, states } = life;
  latent.boots = false;
  const answer = gate();
  latent.cloud.delayAnswer("start", answer.passed);
  const request = await ask();
  const seeing = see();
  await until(() => latent.cloud.machines.length === 1);
  await latent.rig.db.rows("update latent_worker set missing_at = now() - interval '1 s'");
  void see();
  expect((await latent.rig.build(request, isFinished)).result).toBe(RETRY);
  await seeing;
  expect(latent.cloud.calls.map(({ verb }) => verb)).toEqual(["start", "stop"]);
  expect(await states()).toEqual(["gone"]);
});

test("R3: a silent death is found by the ping before a build, and the next build has another machine", async ({
  life,
}) => {
  const { latent, jobs, worker, builder, configure, ask, see, machine, agent } = life;
  await configure({ build_wait_timeout: 600 });
  const first = await ask();
  await see();
  await until(() => latent.workers.length === 1);
  await latent.rig.build(first, isFinished);
  // No FIN, no answer: the connection stands and is dead.
  Object.assign(agent(), { answersPings: false, lastHeardAt: 0 });
  const second = await ask();
  expect((await latent.rig.build(second, isFinished)).result).toBe(RETRY);
  await latent.rig.db.rows("update worker set quarantined_until = null");
  expect(await latent.claim(jobs, second, builder, worker)).toBe(true);
  await see();
  const done = await until(async () => {
    const build = await latent.rig.build(second);
    return build.state === "finished" && build.result === SUCCESS ? build : null;
  });
  expect(done.result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(2);
  expect(machine(0).state).toBe("gone");
});

test("R4: an old machine that logs in late is refused, and does not stand for the new one", async ({
  life,
}) => {
  const { latent, jobs, worker, ask, see, machine } = life;
  latent.boots = false;
  const first = await ask();
  await see();
  await latent.rig.commands.stopBuild(CALLER, (await latent.rig.build(first)).id, { reason: "" });
  await jobs.sweep();
  await latent.rig.build(first, isFinished);
  const second = await ask();
  await see();
  expect(latent.cloud.machines).toHaveLength(2);
  expect(await latent.login(machine(0))).toBeNull();
  expect((await latent.row(worker)).state).toBe("starting");
  await latent.login(machine(1));
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
});

test("R4: its password was right when it was looked at, and its generation over when it came in", async ({
  life,
}) => {
  const { latent, jobs, worker, ask, see, machine } = life;
  latent.boots = false;
  await ask();
  await see();
  // The login stands between the check of its password and its session while the next machine is made.
  const isChecked = gate();
  const goOn = gate();
  const { line } = latent.socket;
  line.before = async (text) => {
    if (!text.includes("insert into worker_session")) return;
    line.before = null;
    isChecked.open();
    await goOn.passed;
  };
  const login = latent.login(machine(0));
  await isChecked.passed;
  const [build] = await latent.rig.db.rows<{ id: never }>("select id from build");
  await latent.rig.commands.stopBuild(CALLER, build?.id as never, { reason: "" });
  await jobs.sweep();
  const second = await ask();
  await see();
  expect(await latent.row(worker)).toMatchObject({ state: "starting", generation: 2 });
  goOn.open();
  expect(await login).toBeNull();
  expect((await latent.row(worker)).state).toBe("starting");
  expect((await latent.rig.build(second)).state).toBe("preparing");
  await latent.login(machine(1));
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
});

test("T7: nobody logs in while no machine is awaited, not even with the right password", async ({
  life,
}) => {
  const { latent, worker, configure } = life;
  const secret = Buffer.from("of its own");
  await latent.rig.db.rows("update worker set sealed_password = $1 where id = $2", [
    secret,
    worker,
  ]);
  const options = { password: "of its own" };
  expect(await latent.socket.tryConnect("vm", options)).toBeNull();
  expect((await latent.row(worker)).state).toBe("insubstantiated");
  // T7b: one that stays for ever may come at any time.
  await configure({ build_wait_timeout: -1 });
  expect(await latent.socket.tryConnect("vm", options)).not.toBeNull();
  const [door] = await latent.rig.db.rows<{ detail: string }>("select detail from door_event");
  expect(door?.detail).toContain("no build waits for its machine");
});

test("R5: two builders ask in the same instant, in two processes: one start, both builds run", async ({
  life,
}) => {
  const { latent, jobs, worker, builder, configure } = life;
  // At 0 one that comes when the other's build is over has a machine of its own.
  await configure({ build_wait_timeout: 600 });
  const other = await latent.rig.addBuilder("c", [worker], [STEP]);
  const second = await latent.jobs();
  const requests = [await latent.rig.force(builder), await latent.rig.force(other)] as const;
  await Promise.all([latent.distribute(jobs), latent.distribute(second)]);
  await until(async () => {
    await latent.distribute(jobs);
    const now = await Promise.all(requests.map((each) => latent.rig.request(each)));
    return now.every(({ state }) => state === "done");
  });
  expect(latent.cloud.machines).toHaveLength(1);
  for (const request of requests) {
    expect((await latent.rig.build(request)).result).toBe(SUCCESS);
  }
});

test("R7, A21: a stop that fails leaves the worker free, and the machine is tried again until it is gone", async ({
  life,
}) => {
  const { latent, jobs, worker, ask, see, states } = life;
  const first = await ask();
  latent.cloud.refuse("stop", new DriverError("provider-down", "502"), 3);
  await see();
  await latent.rig.build(first, isFinished);
  await until(async () => {
    await see();
    return (await latent.row(worker)).state === "insubstantiated";
  });
  expect(await latent.instances()).toMatchObject([{ state: "stopping", stop_tries: 1 }]);
  // It is left alone for a moment.
  await jobs.sweep();
  expect(latent.cloud.count("stop")).toBe(1);
  const second = await ask();
  await see();
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
  for (let n = 0; n < 4; n += 1) {
    await latent.rig.db.rows(
      "update deadline set fire_at = now() - interval '1 s' where kind = 'instance-stopping'",
    );
    await jobs.sweep();
  }
  await until(async () => {
    await see();
    return (await states()).every((state) => state === "gone");
  });
  expect(latent.cloud.alive).toEqual([]);
  expect(await latent.rig.db.rows("select from deadline where kind = 'instance-stopping'")).toEqual(
    [],
  );
});

test("R10: a start that is delivered twice, to two processes, makes one machine", async ({
  life,
}) => {
  const { latent, worker, ask, see } = life;
  const request = await ask();
  const second = await latent.jobs();
  await Promise.all([see(), second.fleet.see(worker), see(), second.fleet.see(worker)]);
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(1);
});

test("a machine whose connection our own restart cut has a while to come back before the next is made", async ({
  life,
}) => {
  const { latent, worker, configure, ask, see, machine } = life;
  await configure({ build_wait_timeout: 600 });
  const first = await ask();
  await see();
  await until(() => latent.workers.length === 1);
  await latent.rig.build(first, isFinished);
  await latent.socket.die();
  await latent.rig.sweep();
  const second = await ask();
  await see();
  expect((await latent.row(worker)).state).toBe("substantiated");
  expect(latent.cloud.alive).toHaveLength(1);
  const next = await latent.rig.socket();
  const { name, password } = machine(0).order.agent;
  expect(await next.tryConnect(name, { password })).not.toBeNull();
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(1);
});

test("one that does not come back after our restart is replaced", async ({ life }) => {
  const { latent, configure, ask, see, machine } = life;
  await configure({ build_wait_timeout: 600 });
  const first = await ask();
  await see();
  await until(() => latent.workers.length === 1);
  await latent.rig.build(first, isFinished);
  await latent.socket.die();
  await latent.rig.sweep();
  const second = await ask();
  await see();
  expect(latent.cloud.machines).toHaveLength(1);
  await latent.rig.db.rows("update worker_session set ended_at = ended_at - interval '31 s'");
  await latent.rig.db.rows("update latent_worker set state_since = state_since - interval '1 h'");
  await see();
  expect(latent.cloud.machines).toHaveLength(2);
  expect(machine(0).state).toBe("gone");
  expect((await latent.rig.build(second)).state).toBe("preparing");
});

test("a build that runs on the machine is not killed by one who stops another that waits", async ({
  life,
}) => {
  const { latent, worker, configure, ask, see, agent } = life;
  await configure({ build_wait_timeout: 600 });
  const first = await ask();
  await see();
  await until(() => latent.workers.length === 1);
  await latent.rig.build(first, isFinished);
  agent().behaviour = untilStopped;
  const running = await ask();
  const { id } = await latent.rig.build(running, isRunning);
  await see();
  expect((await latent.rig.build(running)).state).toBe("running");
  await latent.rig.commands.stopBuild(CALLER, id, { reason: "" });
  expect((await latent.rig.build(running, isFinished)).result).toBe(CANCELLED);
  await see();
  expect((await latent.row(worker)).state).toBe("substantiated");
});
