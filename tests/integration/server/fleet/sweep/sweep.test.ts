// Guarantee: whatever a provider has of ours and nobody here owns is stopped at the second sighting, and
// audited; what it does not have any more is looked at; another installation's machines, and a machine
// whose worker is connected, are never touched, whatever the provider says (W-143, A-27).
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BuilderId, WorkerId } from "../../../../../server/domain/ids";
import { DriverError, type InstanceHandle } from "../../../../../server/drivers/contract";
import { takeAccounts } from "../../../../../server/fleet/sweep/account-store";
import { discover } from "../../../../../server/fleet/sweep/accounts";
import { untilStopped } from "../../../../../server/protocols/null";
import { CALLER, isFinished, isRunning, until } from "../../../../support/engine-rig";
import {
  createLatentRig,
  type JobsProcess,
  KIND,
  type LatentRig,
} from "../../../../support/latent-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let latent: LatentRig;
let jobs: JobsProcess;
let worker: WorkerId;
let builder: BuilderId;
beforeEach(async () => {
  latent = await createLatentRig();
  jobs = await latent.jobs();
  worker = await latent.addLatent("vm", { build_wait_timeout: -1 });
  builder = await latent.rig.addBuilder("b", [worker], [STEP]);
});
afterEach(async () => {
  expect(latent.cloud.faults).toEqual([]);
  await latent.close();
});

const rows = <R>(text: string) => latent.rig.db.rows<R>(text);
interface Report {
  seen: number;
  known: number;
  orphans: number;
  stopped: number;
  missing: number;
  error: string | null;
  is_dry_run: boolean;
  is_notable: boolean;
  details: { key: string; action: string; error: string | null }[];
}
const reports = () => rows<Report>("select * from sweep_report order by id");
const last = async () => (await reports()).at(-1) as Report;
const audit = () =>
  rows<{ subject: string; actor: string; detail: { why: string } }>(
    "select subject, actor, detail from audit_entry where action = 'orphan.stopped' order by id",
  );

/** A machine of this installation that no row knows. */
function stray(key: string, more: Partial<{ installation: string; organization: number }> = {}) {
  const tag = {
    installation: "1nst",
    organization: CALLER.orgId,
    worker: 0,
    generation: 9,
    ...more,
  };
  const agent = { host: "h", port: 1, protocol: "pb", name: "stranger", password: "p" } as const;
  latent.boots = false;
  latent.cloud.make({ key, tag, agent }, { image: "debian" });
  latent.boots = true;
}
const alive = () => latent.cloud.alive.map(({ order: { key } }) => key);

/** The worker has a machine that has logged in and stays. */
async function stays() {
  const request = await latent.rig.force(builder);
  expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
  await jobs.fleet.see(worker);
  await latent.rig.build(request, isFinished);
  await jobs.fleet.see(worker);
  await latent.reach(worker, "substantiated");
  const [machine] = latent.cloud.alive;
  return machine as NonNullable<typeof machine>;
}

test("one that nobody knows is sighted, then stopped, audited once; the healthy one stays", async () => {
  const healthy = await stays();
  stray("bb-1nst-lost-1");
  await jobs.sweepAccounts();
  expect(await last()).toMatchObject({ seen: 2, known: 1, orphans: 1, stopped: 0, missing: 0 });
  expect((await last()).details).toMatchObject([{ key: "bb-1nst-lost-1", action: "sighted" }]);
  expect(alive()).toHaveLength(2);
  await jobs.sweepAccounts();
  expect(await last()).toMatchObject({ orphans: 1, stopped: 1 });
  expect(alive()).toEqual([healthy.order.key]);
  expect(await audit()).toMatchObject([
    { subject: "bb-1nst-lost-1", actor: jobs.context.actor, detail: { sightings: 2 } },
  ]);
  await jobs.sweepAccounts();
  expect(await last()).toMatchObject({ seen: 1, known: 1, orphans: 0 });
  expect(await rows("select id from instance_sighting")).toEqual([]);
});

test("one that counts as gone and is still there is stopped again, until the list is without it", async () => {
  const machine = await stays();
  // The provider says that it stopped it, and does not.
  latent.cloud.during("stop", () => {
    machine.state = "running";
  });
  await rows("update latent_worker set is_ending = true");
  await jobs.fleet.see(worker);
  expect((await latent.instances()).map(({ state }) => state)).toEqual(["gone"]);
  expect(alive()).toEqual([machine.order.key]);
  for (const stopped of [0, 1]) {
    await jobs.sweepAccounts();
    expect(await last()).toMatchObject({ orphans: 1, stopped });
  }
  expect(alive()).toEqual([]);
  expect(await audit()).toMatchObject([
    { detail: { why: "it counts as gone, and is still there" } },
  ]);
});

test("what carries our name and is no machine of ours is told, once among what is notable, and left alone", async () => {
  const own = await stays();
  const copy = { name: "their-copy", why: "it has the labels of a machine" };
  latent.cloud.unclear = [copy];
  for (let n = 0; n < 3; n += 1) await jobs.sweepAccounts();
  const told = { key: copy.name, kind: "unclear", why: copy.why, action: "left-alone" };
  expect(await reports()).toMatchObject(
    [true, false, false].map((is_notable) => ({
      ...{ seen: 1, known: 1, orphans: 0, missing: 0, stopped: 0, is_notable, details: [told] },
    })),
  );
  expect(latent.cloud.calls.filter(({ verb }) => verb === "stop")).toEqual([]);
  expect(alive()).toEqual([own.order.key]);
  expect(await rows("select id from instance_sighting")).toEqual([]);
  // However many there are, a report is not longer than anybody reads.
  latent.cloud.unclear = Array.from({ length: 500 }, (_, n) => ({ ...copy, name: `copy-${n}` }));
  await jobs.sweepAccounts();
  expect((await last()).is_notable).toBe(true);
  expect((await last()).details).toHaveLength(20);
});

test("another installation's machines, and another organisation's, are left alone", async () => {
  await rows("insert into organization (id, slug, name) values (77, 'other', 'other')");
  stray("other-1", { installation: "0ther" });
  stray("their-1", { organization: 77 });
  // The provider shows more than it was asked for.
  latent.cloud.listed = () =>
    latent.cloud.alive.map(
      ({ order: { key, tag } }): InstanceHandle => ({
        ...{ key, tag, ref: null, madeAt: null },
      }),
    );
  for (let n = 0; n < 4; n += 1) await jobs.sweepAccounts();
  expect(alive()).toEqual(["other-1", "their-1"]);
  expect(await last()).toMatchObject({ seen: 1, orphans: 0 });
  // Nobody sweeps any more for an organisation that is gone.
  await rows("delete from organization where id = 77");
  for (let n = 0; n < 2; n += 1) await jobs.sweepAccounts();
  expect(alive()).toEqual(["other-1"]);
});

test("what another organisation has at the same provider is neither shown nor taken for one's own", async () => {
  await rows("insert into organization (id, slug, name) values (77, 'other', 'other')");
  // As if both had the very same options.
  await rows(
    `insert into instance (org_id, worker_id, driver, key, generation, state, reason, config, billing)
     select 77, 1, w.kind, 'their-1', 1, 'running', 'x', w.config, 'free' from worker w where w.id = ${worker}`,
  );
  const own = await stays();
  stray("their-1", { organization: 77 });
  for (let n = 0; n < 3; n += 1) await jobs.sweepAccounts();
  expect(await last()).toMatchObject({ seen: 2, known: 2, orphans: 0, missing: 0 });
  const accounts = await rows<{ org_id: number; listed: { key: string }[] }>(
    "select org_id, listed from instance_account",
  );
  expect(accounts.find(({ org_id }) => org_id === CALLER.orgId)?.listed).toEqual([
    expect.objectContaining({ key: own.order.key }),
  ]);
  expect(
    await rows(
      "select i.key from instance i join instance_account a on a.id = i.account_id where a.org_id <> i.org_id",
    ),
  ).toEqual([]);
});

test("a list that nobody can have made is an answer of a provider that is away", async () => {
  await stays();
  await jobs.sweepAccounts();
  latent.cloud.listed = () =>
    Array.from({ length: 10_001 }, (_, n): InstanceHandle => {
      const tag = { installation: "1nst", organization: CALLER.orgId, worker: 0, generation: n };
      return { key: `made-up-${n}`, tag, ref: null, madeAt: null };
    });
  await jobs.sweepAccounts();
  expect(await last()).toMatchObject({
    seen: 0,
    orphans: 0,
    error: expect.stringContaining("10001"),
  });
  expect(await rows("select key from instance_sighting")).toEqual([]);
});

test("a machine whose worker is connected stays, however often the provider does not list it", async () => {
  const machine = await stays();
  latent.cloud.listed = () => [];
  for (let n = 0; n < 5; n += 1) await jobs.sweepAccounts();
  expect(await last()).toMatchObject({ seen: 0, missing: 1, stopped: 0 });
  expect((await last()).details).toMatchObject([{ action: "spared" }]);
  await jobs.fleet.see(worker);
  expect(await latent.row(worker)).toMatchObject({ state: "substantiated" });
  expect(alive()).toEqual([machine.order.key]);
});

test("one that was lost is looked at at once: its worker goes on without it", async () => {
  const machine = await stays();
  await rows(`update worker set config = config || '{"check_instance_interval": 3600}'`);
  latent.cloud.refuse("inspect", new DriverError("provider-down", "away for a moment"));
  latent.cloud.crash(machine, "its host burnt down", "gone");
  await until(
    async () => (await rows("select id from worker where session_id is not null")).length === 0,
  );
  await jobs.fleet.see(worker);
  // It may come back for two minutes yet.
  expect((await latent.row(worker)).state).toBe("substantiated");
  await jobs.sweepAccounts();
  expect((await latent.row(worker)).state).toBe("substantiated");
  await jobs.sweepAccounts();
  expect(await last()).toMatchObject({ missing: 1 });
  await until(async () => {
    await jobs.fleet.see(worker);
    return (await latent.row(worker)).state === "insubstantiated";
  });
  const [instance] = await rows<{ end_reason: string }>("select end_reason from instance");
  expect(instance?.end_reason).toContain("its host burnt down");
});

test("one that starts and is missing from the list is asked for by name before it is given up", async () => {
  latent.boots = false;
  await rows(`update worker set config = '{"check_instance_interval": 3600}'`);
  const request = await latent.rig.force(builder);
  expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
  await jobs.fleet.see(worker);
  latent.cloud.listed = () => [];
  for (let n = 0; n < 3; n += 1) await jobs.sweepAccounts();
  await until(() => latent.cloud.count("inspect") > 0);
  await jobs.fleet.see(worker);
  expect((await latent.row(worker)).state).toBe("starting");
  expect(alive()).toHaveLength(1);
  // It is listed again: nothing is wrong with it any more.
  latent.cloud.listed = null;
  await jobs.sweepAccounts();
  expect(await rows("select id from instance where unlisted_at is not null")).toEqual([]);
  const [machine] = latent.cloud.alive;
  if (machine) await latent.login(machine);
  expect((await latent.rig.build(request, isFinished)).result).toBe(0);
});

test("nothing younger than the lag of the list is judged", async () => {
  const kind = jobs.context.kinds.get(KIND) as { listingLagSeconds: number };
  kind.listingLagSeconds = 3_600;
  stray("bb-1nst-lost-1");
  for (let n = 0; n < 3; n += 1) await jobs.sweepAccounts();
  expect((await last()).details).toMatchObject([{ action: "too-young" }]);
  expect(alive()).toHaveLength(1);
  await rows("update instance_sighting set first_at = now() - interval '2 hours'");
  await jobs.sweepAccounts();
  expect(alive()).toEqual([]);
});

test("a dry sweep says what it would stop, and stops nothing", async () => {
  await rows(
    "insert into instance_policy (org_id, is_dry_run, changed_by) values (1, true, 'ada')",
  );
  stray("bb-1nst-lost-1");
  for (let n = 0; n < 3; n += 1) await jobs.sweepAccounts();
  expect(await last()).toMatchObject({ is_dry_run: true, orphans: 1, stopped: 0 });
  expect((await last()).details).toMatchObject([{ action: "would-stop" }]);
  expect(alive()).toHaveLength(1);
  expect(await audit()).toEqual([]);
});

test("a provider that is away: the report says so in its words, and nothing else happens", async () => {
  await stays();
  latent.cloud.refuse("list", new DriverError("provider-down", "connection refused"), 3);
  for (let n = 0; n < 3; n += 1) await jobs.sweepAccounts();
  expect(await last()).toMatchObject({
    error: "connection refused",
    seen: 0,
    missing: 0,
    details: [],
  });
  const accounts = await rows(
    "select error, error_since is not null as since from instance_account",
  );
  expect(accounts).toEqual([{ error: "connection refused", since: true }]);
  await jobs.sweepAccounts();
  expect(await last()).toMatchObject({ error: null, seen: 1 });
  expect(await rows("select error, error_since from instance_account")).toEqual([
    { error: null, error_since: null },
  ]);
  const told = await rows("select from outbox where topic like 'sweeps/%/new'");
  expect(told).toHaveLength((await reports()).length);
  // That it is away, and that it is back, is worth a look; that it still is, is not.
  const notable = (await reports()).map(({ is_notable }) => is_notable);
  expect(notable.slice(-4)).toEqual([true, false, false, true]);
});

test("an orphan that cannot be stopped is tried at each sweep, with the provider's words", async () => {
  stray("bb-1nst-lost-1");
  await jobs.sweepAccounts();
  latent.cloud.refuse("stop", new DriverError("provider-down", "500 internal error"), 2);
  for (let n = 0; n < 2; n += 1) await jobs.sweepAccounts();
  expect((await last()).details).toMatchObject([
    { action: "not-stopped", error: "500 internal error" },
  ]);
  expect(await rows("select stop_tries, last_error from instance_sighting")).toEqual([
    { stop_tries: 2, last_error: "500 internal error" },
  ]);
  await jobs.sweepAccounts();
  expect(alive()).toEqual([]);
  expect(await audit()).toHaveLength(1);
});

test("who asks while a sweep is under way is answered by the next one, right behind it", async () => {
  await jobs.sweepAccounts();
  const before = (await reports()).length;
  let release = () => {};
  latent.cloud.delayAnswer(
    "list",
    new Promise<void>((resolve) => {
      release = resolve;
    }),
  );
  const under = jobs.sweepAccounts();
  await until(() => latent.cloud.count("list") === before + 1);
  stray("bb-1nst-late-1");
  await rows("update instance_account set next_at = now() - interval '1 second'");
  release();
  await under;
  expect((await reports()).slice(before)).toMatchObject([{ orphans: 0 }, { orphans: 1 }]);
});

test("two control planes sweep an account once; one that died holding it is replaced", async () => {
  stray("bb-1nst-lost-1");
  const other = await latent.jobs();
  await jobs.sweepAccounts();
  const before = latent.cloud.count("list");
  await rows("update instance_account set next_at = now() - interval '1 second'");
  await Promise.all([jobs.accounts.tick(), other.accounts.tick(), jobs.accounts.tick()]);
  expect(latent.cloud.count("list")).toBe(before + 1);
  let release = () => {};
  latent.cloud.stall(
    "list",
    new Promise<void>((resolve) => {
      release = resolve;
    }),
  );
  const hanging = jobs.sweepAccounts();
  await until(() => latent.cloud.count("list") === before + 2);
  await rows("update instance_account set next_at = now() - interval '1 second'");
  await other.accounts.tick();
  expect(latent.cloud.count("list")).toBe(before + 2);
  await jobs.bury();
  await rows("update instance_account set next_at = now() - interval '1 second'");
  await other.accounts.tick();
  expect(latent.cloud.count("list")).toBe(before + 3);
  release();
  void hanging;
});

test("an account that left the configuration is swept while it may have machines, then no more", async () => {
  await rows(`update worker set config = config || '{"account": "old"}'`);
  const machine = await stays();
  await rows(`update worker set config = config || '{"account": "new"}'`);
  await jobs.sweepAccounts();
  expect(await rows("select title from instance_account order by title")).toEqual([
    { title: `${KIND} new` },
    { title: `${KIND} old` },
  ]);
  // A machine of the old account is no orphan, and not missing from the new one.
  for (let n = 0; n < 3; n += 1) await jobs.sweepAccounts();
  expect((await reports()).every(({ orphans, missing }) => orphans + missing === 0)).toBe(true);
  expect(alive()).toEqual([machine.order.key]);
  await rows("update latent_worker set is_ending = true");
  await jobs.fleet.see(worker);
  await rows(
    "update instance_account set wanted_at = now() - interval '2 days' where title like '%old'",
  );
  await jobs.sweepAccounts();
  expect(await rows("select title from instance_account where next_at = 'infinity'")).toEqual([
    { title: `${KIND} old` },
  ]);
});

test("a row that is no worker's machine is put right, and the machine goes", async () => {
  const machine = await stays();
  await rows("update latent_worker set instance_id = null, state = 'insubstantiated'");
  await jobs.sweepAccounts();
  expect((await latent.instances()).map(({ state }) => state)).toEqual(["stopping"]);
  await jobs.sweep();
  expect((await latent.instances()).map(({ state }) => state)).toEqual(["gone"]);
  expect(alive()).not.toContain(machine.order.key);
});

test("while its worker is driven, an orphan of it waits; afterwards it goes", async () => {
  const machine = await stays();
  latent.cloud.make(
    {
      key: "bb-1nst-main-vm-old",
      tag: { ...machine.order.tag, generation: 0 },
      agent: machine.order.agent,
    },
    { image: "debian" },
  );
  await jobs.sweepAccounts();
  const [holder] = await rows<{ id: number }>(
    "insert into process (kind, host, pid, lease_expires_at) values ('jobs', 'x', 1, now() + interval '1 hour') returning id",
  );
  await rows(`update latent_worker set owner_id = ${holder?.id}`);
  await jobs.sweepAccounts();
  expect((await last()).details).toMatchObject([{ action: "not-stopped" }]);
  await rows("update latent_worker set owner_id = null");
  await jobs.sweepAccounts();
  expect(alive()).toEqual([machine.order.key]);
  await until(async () => (await latent.row(worker)).owner_id === null);
});

test("what a person wants stopped is: the machine at once, an orphan without a second sighting", async () => {
  const running = await stays();
  await untilRunning();
  const [instance] = await latent.instances();
  const id = (instance?.id ?? 0) as never;
  expect(await latent.rig.fleet.stopInstance(CALLER, id, "it costs too much")).toBe(true);
  await jobs.fleet.see(worker);
  expect((await latent.instances()).map(({ state }) => state)).toEqual(["gone"]);
  const [told] = await rows<{ end_reason: string }>("select end_reason from instance");
  expect(told?.end_reason).toBe("ada@example.org stopped its machine: it costs too much");
  expect(alive()).not.toContain(running.order.key);
  expect(await latent.rig.fleet.stopInstance(CALLER, id, "again")).toBe(false);
  stray("bb-1nst-lost-1");
  await jobs.sweepAccounts();
  const [sighting] = await rows<{ id: number }>("select id from instance_sighting");
  expect(await latent.rig.fleet.stopOrphan(CALLER, sighting?.id ?? 0, "mine")).toBe(true);
  await jobs.sweepAccounts();
  expect(alive()).toEqual([]);
  expect(await audit()).toMatchObject([{ actor: "ada@example.org", detail: { reason: "mine" } }]);
});

/** A build that has the machine does not keep a person from stopping it. */
async function untilRunning() {
  const agent = latent.workers.at(-1);
  if (agent) agent.behaviour = untilStopped;
  const request = await latent.rig.force(builder);
  expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
  await latent.rig.build(request, isRunning);
}

test("options of a build do not keep an account from being swept; one that is the build's is said to be", async () => {
  const configure = (config: object) =>
    latent.rig.db.rows("update worker set config = $2 where id = $1", [
      worker,
      JSON.stringify(config),
    ]);
  await configure({ image: "%(prop:image)s", account: "east" });
  stray("bb-1nst-lost-1");
  await jobs.sweepAccounts();
  await jobs.sweepAccounts();
  expect(await last()).toMatchObject({ error: null, orphans: 1, stopped: 1 });
  expect(alive()).toEqual([]);
  await configure({ account: "%(prop:cloud)s" });
  await jobs.sweepAccounts();
  const [dependent] = await rows<{ error: string }>(
    "select error from instance_account where config->>'account' = '%(prop:cloud)s'",
  );
  expect(dependent?.error).toBe(
    "which account it is depends on the build (account): each that has had a machine is swept by itself",
  );
});

test("an account that is found has its turn in the same moment", async () => {
  // The clock stands still in a transaction; whether a moment is rounded up is a matter of its digits.
  for (let time = 0; time < 12; time += 1) {
    const taken = await latent.rig.db.transaction(async (tx) => {
      await tx.rows("delete from instance_account");
      await discover(tx, jobs.context.kinds);
      return takeAccounts(tx, jobs.id);
    });
    expect(taken).toHaveLength(1);
  }
});

test("the account that a build had its machine in is swept with the options of that machine", async () => {
  await latent.rig.db.rows("update worker set config = $2 where id = $1", [
    worker,
    JSON.stringify({ build_wait_timeout: -1, account: "%(prop:buildername)s" }),
  ]);
  await stays();
  await jobs.sweepAccounts();
  const swept = await rows<{ account: string; error: string | null }>(
    `select a.config->>'account' as account, a.error from instance i join instance_account a on a.id = i.account_id`,
  );
  expect(swept).toEqual([{ account: "b", error: null }]);
});
