// Guarantee: a test of a driver's settings goes through its stages with a real machine and says what
// became of each, in the provider's words and with advice; whatever happens, also the death of the
// process that does it, the machine is stopped.
import { afterEach, beforeEach, expect, test } from "vitest";
import type { StageReport } from "../../../../../server/domain/latent";
import { DriverError, type Probe } from "../../../../../server/drivers/contract";
import { createDriverTests, type DriverTests } from "../../../../../server/fleet";
import { CALLER, until } from "../../../../support/engine-rig";
import {
  createLatentRig,
  type JobsProcess,
  KIND,
  type LatentRig,
} from "../../../../support/latent-rig";

let latent: LatentRig;
let jobs: JobsProcess;
let tests: DriverTests;
beforeEach(async () => {
  latent = await createLatentRig();
  jobs = await latent.jobs();
  tests = testsOf(jobs);
});
afterEach(async () => {
  await tests.close();
  await latent.close();
});

const testsOf = ({ context }: JobsProcess) => createDriverTests({ ...context, now: Date.now });

interface Row {
  readonly outcome: string | null;
  readonly stages: readonly StageReport[];
  readonly sealed_password: Buffer | null;
  readonly logged_in_at: Date | null;
}

let asked = 0;
async function ask(config: object = {}): Promise<number> {
  asked += 1;
  const [row] = await latent.rig.db.rows<{ id: number }>(
    `insert into driver_test (org_id, worker_name, kind, config, asked_by, login_name)
     values ($1, 'vm', $2, $3, 'ada@example.org', $4) returning id`,
    [CALLER.orgId, KIND, JSON.stringify(config), `test.${String(asked).padStart(16, "0")}`],
  );
  return (row as { id: number }).id;
}

async function row(id: number): Promise<Row> {
  const [found] = await latent.rig.db.rows<Row>("select * from driver_test where id = $1", [id]);
  return found as Row;
}

/** With the looks that announcements would bring. */
const ended = (id: number, by = tests) =>
  until(async () => {
    await by.look();
    const found = await row(id);
    return found.outcome === null ? null : found;
  });

const told = ({ stages }: Row) => stages.map(({ covers, state }) => [covers.join("+"), state]);
const failed = ({ stages }: Row) => stages.find(({ state }) => state === "failed");

async function nothingIsLeft(): Promise<void> {
  expect(latent.cloud.alive).toEqual([]);
  expect(latent.cloud.faults).toEqual([]);
  expect((await latent.instances()).filter(({ state }) => state !== "gone")).toEqual([]);
  expect(
    await latent.rig.db.rows("select kind from deadline where kind = 'instance-stopping'"),
  ).toEqual([]);
}

test("all stages pass: the machine is made, logs in by the real door, and is gone", async () => {
  const id = await ask({ price_per_hour: 3.6 });
  const result = await ended(id);
  expect(result.outcome).toBe("passed");
  // The fake has no probes: what it cannot tell apart is one stage.
  expect(told(result)).toEqual([
    ["reach+authenticate", "passed"],
    ["find+start", "passed"],
    ["login", "passed"],
    ["stop", "passed"],
  ]);
  expect(result.stages[2]?.says).toMatch(/^It logged in: version .+, by null\.$/);
  for (const { startedAt, endedAt } of result.stages) {
    expect(endedAt).toBeGreaterThanOrEqual(startedAt as number);
  }
  expect(result.sealed_password).toBeNull();
  expect(latent.cloud.count("start")).toBe(1);
  await nothingIsLeft();
  const history = await latent.rig.db.rows<{ to_state: string }>(
    "select to_state from transition where kind = 'instance' order by id",
  );
  expect(history.map(({ to_state }) => to_state)).toEqual([
    "requested",
    "starting",
    "running",
    "stopping",
    "gone",
  ]);
  // It costs what the settings say, and is charged to no worker.
  const costs = await latent.rig.db.rows(
    "select round((cost * 1000 / seconds)::numeric, 6)::float8 as rate from instance_usage where kind = 'worker' and subject_id = 0",
  );
  expect(costs).toEqual([{ rate: 1 }]);
});

test("a login of a test is good for no worker, and for nothing once it is over", async () => {
  const id = await ask();
  await ended(id);
  // It was let as far as its name and password, and got no session.
  expect(latent.workers).toEqual([]);
  expect(latent.refused).toHaveLength(1);
  expect(await latent.rig.db.rows("select id from worker_session")).toEqual([]);
  const [machine] = latent.cloud.machines;
  const { name, password } = machine?.order.agent ?? { name: "", password: "" };
  expect(await latent.socket.tryConnect(name, { password })).toBeNull();
});

test("what the provider refuses is said in its words, with advice, and ends it", async () => {
  latent.cloud.refuse("start", new DriverError("quota", "20 of 20 machines are used"));
  const result = await ended(await ask());
  expect(result.outcome).toBe("failed");
  expect(told(result)).toEqual([
    ["reach+authenticate", "passed"],
    ["find+start", "failed"],
    ["login", "skipped"],
    ["stop", "passed"],
  ]);
  expect(failed(result)).toMatchObject({
    says: "20 of 20 machines are used",
    advice: expect.stringContaining("needs a higher limit"),
  });
  await nothingIsLeft();
});

test("a provider that is away fails the first stage, and nothing is made", async () => {
  latent.cloud.refuse("list", new DriverError("provider-down", "connect ECONNREFUSED"));
  const result = await ended(await ask());
  expect(told(result)).toEqual([
    ["reach+authenticate", "failed"],
    ["find+start", "skipped"],
    ["login", "skipped"],
    ["stop", "skipped"],
  ]);
  expect(await latent.instances()).toEqual([]);
});

test("options that its driver does not understand are said before anything is asked", async () => {
  const result = await ended(await ask({ image: 7 }));
  expect(result.outcome).toBe("failed");
  expect(failed(result)?.says).toMatch(/^image: /);
  expect(latent.cloud.calls).toEqual([]);
});

test("a start whose answer is lost leaves no machine", async () => {
  latent.cloud.loseAnswer("start", new DriverError("provider-down", "connection reset"));
  const result = await ended(await ask());
  expect(result.outcome).toBe("failed");
  expect(latent.cloud.machines).toHaveLength(1);
  await nothingIsLeft();
});

test("a machine whose worker never logs in is given up in time, with the provider's words", async () => {
  latent.boots = false;
  latent.cloud.onBoot = (machine) => {
    machine.printed = "no route to ci.example.org";
  };
  const result = await ended(await ask({ missing_timeout: 1 }));
  expect(told(result)).toEqual([
    ["reach+authenticate", "passed"],
    ["find+start", "passed"],
    ["login", "failed"],
    ["stop", "passed"],
  ]);
  expect(failed(result)?.says).toMatch(
    /did not log in within 1 s.*last that it printed:\nno route to ci\.example\.org/s,
  );
  expect(failed(result)?.advice).toContain("ci.example.org, port 9989");
  await nothingIsLeft();
  const [{ is_failed: isFailed } = { is_failed: false }] = await latent.rig.db.rows<{
    is_failed: boolean;
  }>("select is_failed from instance");
  expect(isFailed).toBe(true);
});

test("a machine that dies before its login ends the wait", async () => {
  latent.boots = false;
  latent.cloud.speaks = true;
  latent.cloud.onBoot = (machine) => latent.cloud.crash(machine, "kernel panic", "gone");
  const result = await ended(await ask());
  expect(failed(result)?.says).toContain("kernel panic");
  await nothingIsLeft();
}, 30_000);

test("a person cancels it, and the machine is stopped all the same", async () => {
  latent.boots = false;
  const id = await ask();
  await tests.look();
  await until(
    async () =>
      (await row(id)).stages.some(
        ({ covers, state }) => covers[0] === "login" && state === "running",
      ) || null,
  );
  await latent.rig.db.rows(
    "update driver_test set cancelled_at = now(), cancelled_by = 'grace@example.org' where id = $1",
    [id],
  );
  const result = await ended(id);
  expect(result.outcome).toBe("cancelled");
  expect(failed(result)).toMatchObject({
    covers: ["login"],
    says: "Cancelled by grace@example.org.",
  });
  await nothingIsLeft();
});

test("what the provider is at is shown while it makes the machine", async () => {
  let answer = () => {};
  latent.cloud.delayAnswer("start", new Promise<void>((resolve) => (answer = resolve)));
  const id = await ask();
  await tests.look();
  const stage = await until(async () => {
    const found = (await row(id)).stages.find(({ covers }) => covers.includes("start"));
    return found?.says ? found : null;
  });
  expect(stage).toMatchObject({ state: "running", says: "image debian is fetched" });
  answer();
  const result = await ended(id);
  expect(result.outcome).toBe("passed");
  expect(result.stages[1]?.says).toMatch(/is being made/);
});

test("a cancelled start is not waited for, and what it made is stopped", async () => {
  let answer = () => {};
  latent.cloud.delayAnswer("start", new Promise<void>((resolve) => (answer = resolve)));
  const id = await ask();
  await tests.look();
  await until(async () => latent.cloud.machines.length > 0 || null);
  await latent.rig.db.rows(
    "update driver_test set cancelled_at = now(), cancelled_by = 'grace@example.org' where id = $1",
    [id],
  );
  const result = await ended(id);
  answer();
  expect(result.outcome).toBe("cancelled");
  await nothingIsLeft();
});

test("a machine that refuses to go is said, and the sweep goes on until it is gone", async () => {
  latent.cloud.refuse("stop", new DriverError("provider-down", "503 try later"));
  const result = await ended(await ask());
  expect(result.outcome).toBe("failed");
  expect(failed(result)).toMatchObject({ covers: ["stop"], says: "503 try later" });
  expect(latent.cloud.alive).toHaveLength(1);
  expect((await latent.instances())[0]).toMatchObject({ state: "stopping" });
  await dueNow();
  await jobs.sweep();
  await nothingIsLeft();
});

test("the process dies at any statement: another one ends the test, and the machine is stopped", async () => {
  // As many as there are until one run needs fewer than it may have.
  for (let statements = 1; statements < 40; statements += 1) {
    const first = await latent.jobs();
    const dying = testsOf(first);
    const id = await ask();
    first.statementsLeft = statements;
    void dying.look();
    let isTold = false;
    await until(async () => {
      const { outcome, logged_in_at: at } = await row(id);
      // What the door announces when the machine has logged in.
      if (at !== null && !isTold) void dying.look();
      isTold ||= at !== null;
      return first.isDead || outcome !== null;
    });
    const isOver = !first.isDead && (await row(id)).outcome === "passed";
    await first.bury();
    const result = await ended(id);
    expect(["passed", "failed"]).toContain(result.outcome);
    expect(result.sealed_password).toBeNull();
    await until(async () => {
      await dueNow();
      await jobs.sweep();
      return latent.cloud.alive.length === 0 || null;
    });
    await nothingIsLeft();
    if (isOver) return;
  }
  throw new Error("a test never came to its end");
}, 120_000);

test("a driver that can look says each stage for itself", async () => {
  const kind = jobs.context.kinds.get(KIND);
  if (!kind) throw new Error("no kind");
  const probes: readonly Probe[] = [
    { covers: ["reach", "authenticate"], look: async () => "Engine 27.1 answers." },
    {
      covers: ["find"],
      look: () => Promise.reject(new DriverError("not-found", "no image debian:99")),
    },
  ];
  const open: typeof kind.open = (config, around) => ({ ...kind.open(config, around), probes });
  const kinds = new Map([[KIND, { ...kind, open }]]);
  const looking = createDriverTests({ ...jobs.context, kinds, now: Date.now });
  const result = await ended(await ask(), looking);
  expect(told(result)).toEqual([
    ["reach+authenticate", "passed"],
    ["find", "failed"],
    ["start", "skipped"],
    ["login", "skipped"],
    ["stop", "skipped"],
  ]);
  expect(result.stages[0]?.says).toBe("Engine 27.1 answers.");
  expect(failed(result)?.says).toBe("no image debian:99");
  expect(latent.cloud.calls).toEqual([]);
});

test("no more machines than the organisation may have", async () => {
  await latent.rig.db.rows(
    "insert into instance_policy (org_id, max_instances, changed_by) values ($1, 0, 'ada')",
    [CALLER.orgId],
  );
  const result = await ended(await ask());
  expect(failed(result)).toMatchObject({
    covers: ["find", "start"],
    says: expect.stringContaining("may have no machines"),
  });
  expect(await latent.instances()).toEqual([]);
});

const dueNow = () =>
  latent.rig.db.rows(
    "update deadline set fire_at = now() - interval '1 s' where kind = 'instance-stopping'",
  );
