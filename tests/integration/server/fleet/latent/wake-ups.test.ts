// Guarantee: whatever somebody writes of a latent worker is seen, in the same moment or a little later:
// while another look is under way, when a statement's answer is lost, behind any number of workers that
// wait for a slow provider, and although no notification ever comes.
import { expect } from "vitest";
import { CANCELLED, SUCCESS } from "../../../../../server/domain/builds";
import { endAll } from "../../../../../server/fleet";
import { isFinished, until } from "../../../../support/engine-rig";
import { gate, test } from "../../../../support/latent-life";

test("what is written between a look and its end stays due", async ({ life }) => {
  const { latent, jobs, worker, see } = life;
  await endAll(latent.rig.db, true);
  await see();
  expect((await latent.row(worker)).state).toBe("shut-down");
  // The installation goes on while the last look says that there is nothing to do.
  await latent.rig.db.rows("update latent_worker set is_ending = true");
  await life.dueNow();
  jobs.before = async (text) => {
    if (!text.startsWith("delete from deadline")) return;
    jobs.before = null;
    await endAll(latent.rig.db, false);
  };
  await see();
  await jobs.sweep();
  expect((await latent.row(worker)).state).toBe("insubstantiated");
});

test("what is due at once is not put off by a look that did not see it", async ({ life }) => {
  const { latent, jobs, worker, see } = life;
  await life.configure({ build_wait_timeout: 600 });
  await life.build();
  jobs.before = async (text) => {
    if (!text.startsWith("insert into deadline as d")) return;
    jobs.before = null;
    await latent.rig.db.rows("update worker set removed_at = now()");
    await latent.rig.db.rows(
      "update deadline set fire_at = now() - interval '1 s' where kind = 'latent-worker'",
    );
  };
  await see();
  await jobs.sweep();
  expect((await latent.row(worker)).state).toBe("shut-down");
});

test("one that is held without its holder's knowing is driven all the same", async ({ life }) => {
  const { latent, jobs, worker } = life;
  const request = await life.ask();
  // It has the row, and never hears of it.
  jobs.failing = { at: 0, isDone: true };
  await life.see();
  expect((await latent.row(worker)).owner_id).toBe(jobs.id);
  const other = await latent.jobs();
  await other.fleet.see(worker);
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
});

test("a look that its database ends gives its worker back, and it is due at once", async ({
  life,
}) => {
  const { latent, jobs, worker } = life;
  const request = await life.ask();
  await latent.rig.db.rows("update deadline set fire_at = now() + interval '1 h'");
  jobs.failing = { at: 1, isDone: false };
  await life.see();
  expect(await latent.row(worker)).toMatchObject({ state: "substantiating", owner_id: null });
  await (await latent.jobs()).sweep();
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
});

test("one whose driver's lease has lapsed is driven by whoever sweeps, before that is declared gone", async ({
  life,
}) => {
  const { latent, jobs, worker } = life;
  const request = await life.ask();
  const { db } = latent.rig;
  await db.rows("update latent_worker set owner_id = $1 where worker_id = $2", [jobs.id, worker]);
  await db.rows("update deadline set fire_at = now() + interval '1 h'");
  jobs.statementsLeft = 0;
  await db.rows("update process set lease_expires_at = now() - interval '1 s' where id = $1", [
    jobs.id,
  ]);
  await (await latent.jobs()).sweep();
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
});

test("what another process saw while the last look ended is looked at by its holder", async ({
  life,
}) => {
  const { latent, jobs } = life;
  const other = await latent.jobs();
  let request = null;
  jobs.before = async (text) => {
    if (!text.includes('as "isHeld"')) return;
    jobs.before = null;
    request = await life.ask();
    await other.fleet.see(life.worker);
  };
  await life.see();
  if (request === null) throw new Error("it was not let go");
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
});

test("five hundred that wait for a slow provider do not keep the next from its turn", async ({
  life,
}) => {
  const { latent, worker } = life;
  const slow = await latent.jobs();
  await latent.rig.db.rows(
    `with made as (
       insert into worker (org_id, name, login_name, kind, config)
       select 1, 'slow' || n, 'slow' || n, 'FakeLatentWorker', '{}' from generate_series(1, 500) n returning id),
     rows as (
       insert into latent_worker (org_id, worker_id, state, reason, owner_id)
       select 1, id, 'starting', 'asked for', $1 from made)
     insert into deadline (org_id, kind, subject_id, fire_at, reason)
     select 1, 'latent-worker', id, now() - interval '1 h', 'due' from made`,
    [slow.id],
  );
  const request = await life.ask();
  const [first, second] = [await latent.jobs(), await latent.jobs()];
  await first.sweep();
  await second.sweep();
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  expect((await latent.row(worker)).generation).toBe(1);
}, 60_000);

test("without a notification and without a queue, by the sweep alone", async ({ life }) => {
  const { latent, jobs, worker } = life;
  const request = await life.ask();
  await until(async () => {
    await life.dueNow();
    await jobs.sweep();
    return (await latent.row(worker)).state === "insubstantiated" && latent.cloud.machines[0];
  });
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.alive).toEqual([]);
});

test("a connection that ends makes its worker due, whoever ends it", async ({ life }) => {
  const { latent, jobs, worker } = life;
  await life.configure({ build_wait_timeout: 600 });
  for (const end of [
    () => life.agent().lose("the network"),
    async () => {
      await latent.socket.die();
      await latent.rig.sweep();
    },
  ]) {
    await life.build();
    await latent.rig.db.rows("update deadline set fire_at = now() + interval '1 h'");
    latent.cloud.crash(life.machine(latent.cloud.machines.length - 1), "its host burns");
    await end();
    await life.untilLost();
    await until(async () => {
      await jobs.sweep();
      return (await latent.row(worker)).state === "insubstantiated";
    });
    if (latent.socket.line.state !== "up") return;
  }
});

test("a start that nobody needs any more is given up, although only another process heard of it", async ({
  life,
}) => {
  const { latent } = life;
  latent.boots = false;
  const never = gate();
  latent.cloud.stall("start", never.passed);
  const request = await life.ask();
  const seeing = life.see();
  await until(() => latent.cloud.count("start") === 1);
  await life.stop(request);
  await (await latent.jobs()).sweep();
  expect((await latent.rig.build(request, isFinished)).result).toBe(CANCELLED);
  await seeing;
  expect(latent.cloud.alive).toEqual([]);
});

test("a start that nobody needs any more is given up, although that was heard before it was asked for", async ({
  life,
}) => {
  const { latent, jobs } = life;
  const never = gate();
  latent.cloud.stall("start", never.passed);
  const request = await life.ask();
  let heard = Promise.resolve();
  jobs.before = async (text) => {
    if (!text.includes("machine as (insert into instance")) return;
    jobs.before = null;
    await life.stop(request);
    heard = life.see();
  };
  await life.see();
  await heard;
  expect(latent.cloud.count("start")).toBe(1);
  expect((await latent.row(life.worker)).state).toBe("insubstantiated");
  expect(latent.cloud.alive).toEqual([]);
});

test("a wish for another machine than the one that is there is due at once", async ({ life }) => {
  const { latent, jobs } = life;
  await life.configure({ build_wait_timeout: 600 });
  await life.build();
  life.agent().lose("the network");
  await life.untilLost();
  await life.see();
  await latent.rig.db.rows("update deadline set fire_at = now() + interval '1 h'");
  const request = await life.ask();
  await jobs.sweep();
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(2);
});

test("what is due is taken by one sweep, however long its look takes", async ({ life }) => {
  const { latent, jobs } = life;
  await life.ask();
  const there = gate();
  jobs.before = async (text) => {
    if (!text.includes('as "isOurs"')) return;
    there.open();
    await new Promise(() => {});
  };
  void jobs.sweep();
  await there.passed;
  const other = await latent.jobs();
  let holds = 0;
  other.before = (text) => {
    if (text.includes('as "isOurs"')) holds += 1;
  };
  await other.sweep();
  expect(holds).toBe(0);
});

test("a wish of the same moment stays due, although its time is the one that the last look saw", async ({
  life,
}) => {
  const { latent, jobs } = life;
  const { db } = latent.rig;
  await db.rows(
    "insert into deadline (org_id, kind, subject_id, fire_at, reason) values (1, 'latent-worker', $1, now(), 'x')",
    [life.worker],
  );
  let request = null;
  jobs.before = async (text) => {
    if (!text.startsWith("delete from deadline")) return;
    jobs.before = null;
    const [seen] = await db.rows<{ at: string }>("select fire_at::text as at from deadline");
    request = await life.ask();
    await db.rows("update deadline set fire_at = $1::timestamptz where kind = 'latent-worker'", [
      seen?.at,
    ]);
  };
  await life.see();
  if (request === null) throw new Error("the look found something to do");
  await jobs.sweep();
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
});
