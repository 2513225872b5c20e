// Guarantee: a machine serves only builds for which its options come to what it was made with (W-120);
// one made with options that are not the present ones any more goes when it is idle, never earlier (R8);
// and no property is a way to a secret.
import { afterEach, beforeEach, expect, test } from "vitest";
import { EXCEPTION, SUCCESS } from "../../../../../server/domain/builds";
import type { BuilderId, BuildRequestId, WorkerId } from "../../../../../server/domain/ids";
import { whyWaiting } from "../../../../../server/engine";
import { freezeOptions } from "../../../../../server/fleet";
import { untilStopped } from "../../../../../server/protocols/null";
import { CALLER, isFinished, isRunning, until } from "../../../../support/engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "../../../../support/latent-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };
const TEMPLATED = { image: "debian-%(prop:suite)s", build_wait_timeout: 600 };

let latent: LatentRig;
let jobs: JobsProcess;
let worker: WorkerId;
let builder: BuilderId;
beforeEach(async () => {
  latent = await createLatentRig();
  jobs = await latent.jobs();
  worker = await latent.addLatent("vm", TEMPLATED);
  builder = await latent.rig.addBuilder("b", [worker], [STEP]);
});
afterEach(async () => {
  expect(latent.cloud.faults).toEqual([]);
  await latent.close();
});

async function ask(suite: unknown, name = builder): Promise<BuildRequestId> {
  const request = await latent.rig.force(name);
  await latent.rig.db.rows(
    `update buildset s set properties = $2 from build_request r where r.id = $1 and s.id = r.buildset_id`,
    [request, JSON.stringify({ suite: [suite, "test"] })],
  );
  await latent.distribute(jobs);
  return request;
}

const see = () => jobs.fleet.see(worker);
const images = () => latent.cloud.machines.map(({ config }) => config.image);
const done = async (request: BuildRequestId) => {
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
};

test("the options are the build's; a build with the same ones has the machine, another a new one", async () => {
  const first = await ask("bookworm");
  await see();
  await done(first);
  await see();
  await done(await ask("bookworm"));
  expect(images()).toEqual(["debian-bookworm"]);
  const other = await ask("trixie");
  await see();
  await done(other);
  expect(images()).toEqual(["debian-bookworm", "debian-trixie"]);
  expect(latent.cloud.alive).toHaveLength(1);
  const [instance] = await latent.rig.db.rows<{ config: { image: string } }>(
    "select config from instance order by id desc limit 1",
  );
  expect(instance?.config.image).toBe("debian-trixie");
});

test("while a build runs on it, one that needs another waits, or goes to another worker", async () => {
  const running = await ask("bookworm");
  await see();
  await until(() => latent.workers.length === 1);
  await done(running);
  const [agent] = latent.workers;
  if (agent) agent.behaviour = untilStopped;
  const held = await ask("bookworm");
  await latent.rig.build(held, isRunning);
  const other = await latent.rig.addBuilder("c", [worker], [STEP]);
  const waiting = await ask("trixie", other);
  await see();
  expect((await latent.rig.request(waiting)).state).toBe("pending");
  // It says so, by name.
  const why = await whyWaiting(latent.rig.db, CALLER.orgId, [waiting], Date.now());
  expect(why.get(waiting)).toMatchObject({
    code: "other-options",
    sentence:
      "Its only worker, vm, has a machine with other options than this build needs, until that one's builds are over.",
    worker: { name: "vm" },
  });
  expect(images()).toEqual(["debian-bookworm"]);
  const spare = await latent.addLatent("spare", TEMPLATED);
  await latent.rig.db.rows(
    "insert into builder_worker (org_id, builder_id, worker_id) values (1, $1, $2)",
    [other, spare],
  );
  await latent.distribute(jobs);
  await jobs.fleet.see(spare);
  await done(waiting);
  expect(images()).toEqual(["debian-bookworm", "debian-trixie"]);
  expect((await latent.rig.build(held)).state).toBe("running");
});

test("those with the same options join a machine that is on its way, others wait", async () => {
  latent.boots = false;
  const first = await ask("bookworm");
  await see();
  expect((await latent.row(worker)).state).toBe("starting");
  const [c, d] = [
    await latent.rig.addBuilder("c", [worker], [STEP]),
    await latent.rig.addBuilder("d", [worker], [STEP]),
  ];
  const other = await ask("trixie", c);
  const same = await ask("bookworm", d);
  expect((await latent.rig.request(other)).state).toBe("pending");
  expect((await latent.rig.request(same)).state).toBe("claimed");
  latent.boots = true;
  const [machine] = latent.cloud.machines;
  if (machine) await latent.login(machine);
  await done(first);
  await done(same);
  await until(async () => {
    await latent.distribute(jobs);
    await see();
    return (await latent.rig.request(other)).state === "done";
  });
  expect(images()).toEqual(["debian-bookworm", "debian-trixie"]);
});

test("two that ask at once with different options do not get each other's machine", async () => {
  const other = await latent.rig.addBuilder("c", [worker], [STEP]);
  const requests = [await latent.rig.force(builder), await latent.rig.force(other)];
  for (const [index, suite] of ["bookworm", "trixie"].entries()) {
    await latent.rig.db.rows(
      "update buildset s set properties = $2 from build_request r where r.id = $1 and s.id = r.buildset_id",
      [requests[index], JSON.stringify({ suite: [suite, "test"] })],
    );
  }
  const second = await latent.jobs();
  await Promise.all([latent.distribute(jobs), latent.distribute(second)]);
  await see();
  await until(async () => {
    await latent.distribute(jobs);
    await see();
    const now = await Promise.all(requests.map((each) => latent.rig.request(each)));
    return now.every(({ state }) => state === "done");
  });
  const builds = await Promise.all(requests.map((each) => latent.rig.build(each)));
  const made = await latent.rig.db.rows<{ id: number; image: string }>(
    "select b.id, i.config->>'image' as image from build b join instance i on i.id = b.instance_id",
  );
  const imageOf = (id: number) => made.find((one) => one.id === id)?.image;
  expect(builds.map(({ id }) => imageOf(id))).toEqual(["debian-bookworm", "debian-trixie"]);
});

test("a machine whose options were changed serves what it has, and goes when it is idle (R8)", async () => {
  await latent.rig.db.rows("update worker set config = $2 where id = $1", [
    worker,
    JSON.stringify({ image: "debian", build_wait_timeout: 600 }),
  ]);
  const first = await ask("any");
  await see();
  await until(() => latent.workers.length === 1);
  await done(first);
  const [agent] = latent.workers;
  if (agent) agent.behaviour = untilStopped;
  const running = await ask("any");
  const { id } = await latent.rig.build(running, isRunning);
  await latent.rig.db.rows("update worker set config = $2 where id = $1", [
    worker,
    JSON.stringify({ image: "fedora", build_wait_timeout: 600, notify_on_missing: "a@b.c" }),
  ]);
  await see();
  expect(latent.cloud.alive).toHaveLength(1);
  const other = await latent.rig.addBuilder("c", [worker], [STEP]);
  const next = await ask("any", other);
  expect((await latent.rig.request(next)).state).toBe("pending");
  await latent.rig.commands.stopBuild(CALLER, id, { reason: "" });
  await latent.rig.build(running, isFinished);
  await latent.distribute(jobs);
  await see();
  await done(next);
  expect(images()).toEqual(["debian", "fedora"]);
  // What is no option of the driver changes no machine.
  await latent.rig.db.rows("update worker set config = $2 where id = $1", [
    worker,
    JSON.stringify({ image: "fedora", build_wait_timeout: 700 }),
  ]);
  await see();
  expect((await latent.row(worker)).state).toBe("substantiated");
  await latent.rig.db.rows("update worker set config = $2 where id = $1", [
    worker,
    JSON.stringify({ image: "alpine", build_wait_timeout: 700 }),
  ]);
  await see();
  expect(await latent.row(worker)).toMatchObject({ state: "insubstantiated" });
});

test("options that cannot be rendered end the build, with the reason", async () => {
  await latent.rig.db.rows("update worker set config = $2 where id = $1", [
    worker,
    JSON.stringify({ image: { type: "Property", key: "suite" } }),
  ]);
  const request = await ask({ type: "Secret", name: "prod" });
  await see();
  const build = await latent.rig.build(request, isFinished);
  expect(build.result).toBe(EXCEPTION);
  expect(build.state_string).toContain("a property must not hold a renderable");
  expect(latent.cloud.machines).toEqual([]);
});

test("a property that looks like a reference to a secret is a text", () => {
  const scope = {
    properties: { suite: ["%(secret:prod)s at 100%", "test"] as const },
  };
  const { config, hash } = freezeOptions(
    { image: "a%(prop:suite)s", token: "%(secret:own)s", both: "%(secret:own)s %(prop:suite)s" },
    scope,
  );
  expect(config).toEqual({
    image: "a%%(secret:prod)s at 100%%",
    token: "%(secret:own)s",
    both: "%(secret:own)s %%(secret:prod)s at 100%%",
  });
  const again = freezeOptions({ image: "x", max_builds: 1 }, scope);
  expect(again.hash).toEqual(freezeOptions({ max_builds: 2, image: "x" }, scope).hash);
  expect(again.hash).not.toEqual(hash);
});

test("a password that is configured is the machine's; one of our own is another for each (W-114)", async () => {
  await latent.rig.db.rows(
    "insert into secret (org_id, name, sealed, updated_by) values (1, 'worker/vm/password', $1, 'test')",
    [Buffer.from("of the configuration")],
  );
  await latent.rig.db.rows(
    "update worker set password_secret = 'worker/vm/password', config = '{}' where id = $1",
    [worker],
  );
  for (let n = 0; n < 2; n += 1) {
    const request = await ask("any");
    await see();
    await done(request);
    await until(async () => {
      await see();
      return latent.cloud.alive.length === 0;
    });
  }
  const given = latent.cloud.machines.map(({ order }) => order.agent.password);
  expect(given).toEqual(["of the configuration", "of the configuration"]);
});
