// Guarantee: a build never gets, nor takes away, the machine of another one by way of a wish that was
// dropped, a connection that is about to end, or a build that its worker keeps over a lost connection.
import { expect } from "vitest";
import { CANCELLED, RETRY, SUCCESS } from "../../../../../server/domain/builds";
import type { BuildRequestId } from "../../../../../server/domain/ids";
import { endStopped } from "../../../../../server/engine";
import { untilStopped } from "../../../../../server/protocols/null";
import { isFinished, isRunning, until } from "../../../../support/engine-rig";
import { gate, type Life, STEP, test } from "../../../../support/latent-life";

async function askFor(life: Life, suite: string, builder = life.builder): Promise<BuildRequestId> {
  const { latent, jobs } = life;
  const request = await latent.rig.force(builder);
  await latent.rig.db.rows(
    "update buildset s set properties = $2 from build_request r where r.id = $1 and s.id = r.buildset_id",
    [request, JSON.stringify({ suite: [suite, "test"] })],
  );
  await latent.distribute(jobs);
  return request;
}

/** Whoever claims here and dies at once wakes nobody. */
async function unseen(life: Life, work: () => Promise<BuildRequestId>): Promise<BuildRequestId> {
  const { jobs } = life;
  life.jobs = { ...jobs, fleet: { ...jobs.fleet, see: async () => {} } };
  const request = await work();
  life.jobs = jobs;
  return request;
}

test("a wish for another machine that was dropped leaves no way to the present one (W-120)", async ({
  life,
}) => {
  const { latent, worker } = life;
  await life.configure({ image: "debian-%(prop:suite)s", build_wait_timeout: 600 });
  const first = await askFor(life, "bookworm");
  await latent.rig.build(first, isFinished);
  await life.see();
  const dropped = await unseen(life, () => askFor(life, "trixie"));
  await life.stop(dropped);
  await endStopped(latent.rig.db, "test");
  const other = await unseen(life, () => askFor(life, "sid"));
  // It waits for a machine of its own: it was not sent to the one that is there.
  expect((await latent.rig.build(other)).state).toBe("preparing");
  await life.jobs.sweep();
  expect((await latent.rig.build(dropped, isFinished)).result).toBe(CANCELLED);
  expect((await latent.rig.build(other, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines.map(({ config }) => config.image)).toEqual([
    "debian-bookworm",
    "debian-sid",
  ]);
  expect((await latent.row(worker)).state).toBe("substantiated");
});

test("a machine whose replacement nobody wants any more is kept, for builds with its options", async ({
  life,
}) => {
  const { latent } = life;
  await life.configure({ image: "debian-%(prop:suite)s", build_wait_timeout: 600 });
  await latent.rig.build(await askFor(life, "bookworm"), isFinished);
  await life.see();
  const dropped = await unseen(life, () => askFor(life, "trixie"));
  await life.stop(dropped);
  await life.jobs.sweep();
  await latent.rig.build(dropped, isFinished);
  await life.see();
  const same = await askFor(life, "bookworm");
  expect((await latent.rig.build(same, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(1);
});

test("a machine is not kept when somebody comes to want another one in that moment", async ({
  life,
}) => {
  const { latent, jobs } = life;
  await life.configure({ image: "debian-%(prop:suite)s", build_wait_timeout: 600 });
  await latent.rig.build(await askFor(life, "bookworm"), isFinished);
  await life.see();
  const dropped = await unseen(life, () => askFor(life, "trixie"));
  await life.stop(dropped);
  await endStopped(latent.rig.db, "test");
  let other = null;
  jobs.before = async (text) => {
    if (!text.includes("set needs_other = false")) return;
    jobs.before = null;
    other = await unseen(life, () => askFor(life, "sid"));
  };
  await life.see();
  if (other === null) throw new Error("it was not to be kept");
  expect((await latent.rig.build(other, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines.map(({ config }) => config.image)).toEqual([
    "debian-bookworm",
    "debian-sid",
  ]);
});

test("one that waits while the connection is about to end gets it from whoever has it next", async ({
  life,
}) => {
  const { latent, jobs, worker } = life;
  await life.configure({ build_wait_timeout: 600 });
  await life.build();
  life.agent().behaviour = untilStopped;
  const running = await life.ask();
  await latent.rig.build(running, isRunning);
  // Its process is to stop; the build holds the connection a while longer.
  const other = await latent.rig.addBuilder("c", [worker], [STEP]);
  await latent.rig.db.rows("update worker_session set end_requested = 'release'");
  const waiting = await life.ask(other);
  let statements = 0;
  jobs.before = () => {
    statements += 1;
  };
  await life.see();
  expect((await latent.rig.build(waiting)).state).toBe("preparing");
  expect((await latent.rig.build(running)).state).toBe("running");
  // It comes to rest at once, and waits for something to happen.
  expect(statements).toBeLessThan(10);
  await life.stop(running);
  await latent.rig.build(running, isFinished);
  await latent.socket.die();
  await latent.rig.sweep();
  const next = await latent.rig.socket();
  const { name, password } = life.machine(0).order.agent;
  expect(await next.tryConnect(name, { password })).not.toBeNull();
  expect((await latent.rig.build(waiting, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(1);
});

test("a build that its worker keeps over a lost connection loses its machine to no other build", async ({
  life,
}) => {
  const { latent, worker } = life;
  await life.configure({ build_wait_timeout: 600 });
  latent.keeps = "5f0c0000-mark";
  await life.build();
  life.agent().behaviour = untilStopped;
  const kept = await life.ask();
  await latent.rig.build(kept, isRunning);
  const other = await latent.rig.addBuilder("c", [worker], [STEP]);
  life.agent().lose("the network");
  await life.untilLost();
  const waiting = await life.ask(other);
  await life.see();
  expect((await latent.rig.build(kept)).state).toBe("running");
  expect(latent.cloud.alive).toHaveLength(1);
  expect(latent.cloud.machines).toHaveLength(1);
  // The machine turns out to be dead: both are told, and the one that waits has the next.
  latent.cloud.crash(life.machine(0), "its host burns");
  await life.pass("checked_at");
  await life.see();
  expect((await latent.rig.build(kept, isFinished)).result).toBe(RETRY);
  expect((await latent.rig.build(waiting, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(2);
});

test("no machine is made for a build that somebody wants stopped", async ({ life }) => {
  const { latent, worker } = life;
  const request = await life.ask();
  // Nobody has heard of the stop but the database.
  await life.stop(request);
  await life.see();
  expect(latent.cloud.machines).toEqual([]);
  expect((await latent.row(worker)).state).toBe("insubstantiated");
  await life.jobs.sweep();
  expect((await latent.rig.build(request, isFinished)).result).toBe(CANCELLED);
});

test("builds of a worker that is removed wait again at once, not when its machine is gone", async ({
  life,
}) => {
  const { latent, worker } = life;
  latent.boots = false;
  const request = await life.ask();
  await life.see();
  const { passed, open } = gate();
  latent.cloud.stall("stop", passed);
  await latent.rig.db.rows("update worker set removed_at = now()");
  const seeing = life.see();
  expect((await latent.rig.build(request, isFinished)).result).toBe(RETRY);
  expect((await latent.rig.request(request)).state).toBe("pending");
  expect(latent.cloud.alive).toHaveLength(1);
  open();
  await seeing;
  expect((await latent.row(worker)).state).toBe("shut-down");
  expect(await life.quarantines()).toEqual([]);
});

test("with no missing_timeout a build waits longer than an hour", async ({ life }) => {
  await life.configure({ missing_timeout: 0 });
  await life.ask();
  const [deadline] = await life.latent.rig.db.rows<{ hours: number }>(
    "select extract(epoch from fire_at - now())::float8 / 3600 as hours from deadline where kind = 'build-preparing'",
  );
  expect(deadline?.hours).toBeGreaterThan(23);
  await until(async () => (await life.latent.row(life.worker)).state === "substantiating");
});

test("those who wait are taken over from a process that is gone, and from no other", async ({
  life,
}) => {
  const { latent, jobs } = life;
  latent.boots = false;
  const request = await life.ask();
  const heir = await latent.jobs();
  await heir.sweep();
  expect((await latent.rig.build(request)).owner_id).toBe(jobs.id);
  await jobs.bury();
  await heir.sweep();
  expect((await latent.rig.build(request)).owner_id).toBe(heir.id);
});

test("a machine that is said to be gone while its worker is connected anew keeps its build", async ({
  life,
}) => {
  const { latent, jobs, worker } = life;
  await life.configure({ build_wait_timeout: 600 });
  await life.build();
  life.agent().behaviour = untilStopped;
  const request = await life.ask();
  await latent.rig.build(request, isRunning);
  await jobs.context.giveUpLost(worker, "its machine is gone");
  expect((await latent.rig.build(request)).state).toBe("running");
  await life.stop(request);
  await latent.rig.build(request, isFinished);
});
