// Guarantee: who logs in stands for the machine that is awaited and for no other one; who is refused is
// told why, in the same words in our log and in its own; who is to go is not let in (T7, R4).
import { expect } from "vitest";
import { SUCCESS } from "../../../../../server/domain/builds";
import { DriverError } from "../../../../../server/drivers/contract";
import { noteArrival } from "../../../../../server/fleet";
import { CALLER, isFinished, until } from "../../../../support/engine-rig";
import { gate, type Life, test } from "../../../../support/latent-life";

const PASSWORD = "of the configuration";

/** All its machines have the same password. */
async function withPassword({ latent, worker }: Life, config: object): Promise<void> {
  await latent.rig.db.rows(
    "insert into secret (org_id, name, sealed, updated_by) values (1, 'worker/vm/password', $1, 'test')",
    [Buffer.from(PASSWORD)],
  );
  await latent.rig.db.rows(
    "update worker set password_secret = 'worker/vm/password', config = $2 where id = $1",
    [worker, JSON.stringify(config)],
  );
}

async function refusals({ latent }: Life): Promise<string[]> {
  const rows = await latent.rig.db.rows<{ detail: string }>(
    "select detail from door_event order by id",
  );
  return rows.map(({ detail }) => detail);
}

test("with a shared password an old machine is refused while none is awaited, in words on both sides", async ({
  life,
}) => {
  const { latent } = life;
  await withPassword(life, {});
  const request = await life.ask();
  await life.see();
  await latent.rig.build(request, isFinished);
  await life.comesTo("insubstantiated");
  expect(await latent.login(life.machine(0))).toBeNull();
  const said = "no build waits for its machine: of worker vm, nothing runs and nothing is wanted";
  await until(async () => (await refusals(life)).length > 0);
  expect(await refusals(life)).toEqual([said]);
  expect(latent.heard).toEqual([said]);
});

test("with a shared password a machine that says its key does not stand for the next one (R4)", async ({
  life,
}) => {
  const { latent, worker } = life;
  await withPassword(life, {});
  latent.boots = false;
  latent.cloud.refuse("stop", new DriverError("provider-down", "502"), 100);
  const first = await life.ask();
  await life.see();
  await life.stop(first);
  await life.jobs.sweep();
  await latent.rig.build(first, isFinished);
  await life.comesTo("insubstantiated");
  expect(await life.states()).toEqual(["stopping"]);
  const second = await life.ask();
  await life.see();
  expect(await latent.row(worker)).toMatchObject({ state: "starting", generation: 2 });
  // The first is still there, and has the right password.
  const facts = (at: number) => ({
    facts: { environ: { SLIPWAY_INSTANCE: life.machine(at).order.key } },
  });
  const heard: string[] = [];
  const options = { password: PASSWORD, heard: (line: string) => heard.push(line) };
  expect(await latent.socket.tryConnect("vm", { ...options, ...facts(0) })).toBeNull();
  expect(heard[0]).toContain(
    `it is machine ${life.machine(0).order.key} of worker vm, whose machine is ${life.machine(1).order.key}`,
  );
  expect((await latent.row(worker)).state).toBe("starting");
  expect(await latent.socket.tryConnect("vm", { ...options, ...facts(1) })).not.toBeNull();
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
});

test("a machine that was told to go does not come in again, not even one that stays for ever", async ({
  life,
}) => {
  const { latent, worker } = life;
  await withPassword(life, { build_wait_timeout: -1 });
  await life.build();
  const { passed, open } = gate();
  latent.cloud.stall("stop", passed);
  const [instance] = await latent.instances();
  await latent.rig.fleet.stopInstance(CALLER, instance?.id as never, "enough");
  const seeing = life.see();
  await latent.reach(worker, "insubstantiating");
  await life.untilLost();
  expect(await latent.login(life.machine(0))).toBeNull();
  expect(latent.heard.at(-1)).toBe("its machine, number 1 of worker vm, was told to go");
  const next = await life.ask();
  open();
  await seeing;
  await life.see();
  expect((await latent.rig.build(next, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(2);
});

test("the same machine a second time: the connection that lives stays, and its build goes on", async ({
  life,
}) => {
  const { latent } = life;
  await life.configure({ build_wait_timeout: 600 });
  await life.build();
  expect(await latent.login(life.machine(0))).toBeNull();
  const next = await life.ask();
  expect((await latent.rig.build(next, isFinished)).result).toBe(SUCCESS);
  expect(latent.cloud.machines).toHaveLength(1);
});

test("a worker arrives by a connection of its present machine, and by no other", async ({
  life,
}) => {
  const { latent, worker } = life;
  const { db } = latent.rig;
  latent.boots = false;
  const first = await life.ask();
  await life.see();
  await noteArrival(db, worker, "nobody");
  expect((await latent.row(worker)).state).toBe("starting");
  await latent.login(life.machine(0));
  await latent.rig.build(first, isFinished);
  await life.comesTo("insubstantiated");
  await life.ask();
  await life.see();
  // What it had said of the first comes late, and that one's connection has not ended yet.
  await db.rows("update worker_session set ended_at = null");
  await db.rows("update worker set session_id = (select max(id) from worker_session)");
  await noteArrival(db, worker, "somebody late");
  expect(await latent.row(worker)).toMatchObject({ state: "starting", generation: 2 });
  await db.rows("update worker set session_id = null");
  await db.rows("update worker_session set ended_at = now()");
});

test("a worker that is of another kind by now keeps the password that it has there", async ({
  life,
}) => {
  const { latent, worker } = life;
  const { db } = latent.rig;
  await life.configure({ build_wait_timeout: 600 });
  await life.build();
  await db.rows("update latent_worker set is_latent = false");
  await db.rows("update worker set kind = 'Worker', sealed_password = 'of its own'");
  await life.see();
  expect((await latent.row(worker)).state).toBe("shut-down");
  expect(await db.rows("select sealed_password from worker")).toEqual([
    { sealed_password: Buffer.from("of its own") },
  ]);
});

test("who is asked to go after its builds before it is there goes after them", async ({ life }) => {
  const { latent, worker } = life;
  await life.configure({ build_wait_timeout: 600 });
  latent.boots = false;
  const request = await life.ask();
  await life.see();
  await latent.rig.fleet.control(CALLER, [worker], "drain", "upkeep");
  await latent.login(life.machine(0));
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
  await life.comesTo("insubstantiated");
  expect(latent.cloud.alive).toEqual([]);
  const [row] = await latent.rig.db.rows<{ is_draining: boolean }>(
    "select is_draining from worker",
  );
  expect(row?.is_draining).toBe(false);
});

test("its machine logs in at the moment in which the provider's answer is written: it runs all the same", async ({
  life,
}) => {
  const { latent } = life;
  const { db } = latent.rig;
  latent.boots = false;
  await life.configure({ build_wait_timeout: 600 });
  const request = await life.ask();
  await life.see();
  await db.rows("update instance set state = 'requested'");
  let arriving: Promise<unknown> = Promise.resolve();
  await db.transaction(async (tx) => {
    await tx.rows("update instance set state = 'starting'");
    arriving = latent.login(life.machine(0));
    await until(async () => {
      const waiting = await db.rows(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return waiting.length > 0;
    });
  });
  await arriving;
  await latent.rig.build(request, isFinished);
  expect(await life.states()).toEqual(["running"]);
});
