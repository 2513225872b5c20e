// Guarantee: a process that sweeps, was thought dead and lives counts nothing, reports nothing and stops
// nothing any more: what it writes carries the epoch of its hold, which is over. Nor is anything stopped
// that came to be somebody's machine since it was found.
import { expect } from "vitest";
import { CALLER, until } from "../../../../support/engine-rig";
import { gate, type Life, test } from "../../../../support/latent-life";

const KEY = "bb-1nst-lost-1";

/** A machine of this installation that no row knows. */
function stray({ latent }: Life): void {
  const tag = { installation: "1nst", organization: CALLER.orgId, worker: 0, generation: 9 };
  const agent = { host: "h", port: 1, protocol: "pb", name: "stranger", password: "p" } as const;
  latent.boots = false;
  latent.cloud.make({ key: KEY, tag, agent }, { image: "debian" });
}

/** Its first process lives, and its lease has lapsed. */
async function buried({ latent, jobs }: Life) {
  await latent.rig.db.rows("update process set gone_at = now() where id = $1", [jobs.id]);
  return latent.jobs();
}

/** About to write that it stops what it found. */
function atIntent({ jobs }: Life, work: () => Promise<void>): void {
  jobs.before = async (text) => {
    if (!text.includes("asked_before")) return;
    jobs.before = null;
    await work();
  };
}

const reports = ({ latent }: Life) =>
  latent.rig.db.rows<{ details: { action: string; error: string }[] }>(
    "select details from sweep_report order by id",
  );

test("it hears the list late: no sighting is counted, nothing is reported", async ({ life }) => {
  const { latent, jobs } = life;
  stray(life);
  const list = gate();
  latent.cloud.stall("list", list.passed);
  const sweeping = jobs.sweepAccounts();
  await until(() => latent.cloud.count("list") === 1);
  const heir = await buried(life);
  await heir.sweepAccounts();
  list.open();
  await sweeping;
  expect(await latent.rig.db.rows("select key, times from instance_sighting")).toEqual([
    { key: KEY, times: 1 },
  ]);
  expect(await reports(life)).toHaveLength(1);
});

test("it is about to stop what its heir has stopped: it asks no provider", async ({ life }) => {
  const { latent, jobs } = life;
  stray(life);
  await jobs.sweepAccounts();
  atIntent(life, async () => {
    await (await buried(life)).sweepAccounts();
    expect(latent.cloud.count("stop")).toBe(1);
  });
  await jobs.sweepAccounts();
  expect(jobs.before).toBeNull();
  expect(latent.cloud.count("stop")).toBe(1);
  expect(
    await latent.rig.db.rows("select from audit_entry where subject = $1", [KEY]),
  ).toHaveLength(1);
});

test("what came to be somebody's machine since it was found is left alone", async ({ life }) => {
  const { latent, jobs, worker } = life;
  stray(life);
  await jobs.sweepAccounts();
  atIntent(life, async () => {
    await latent.rig.db.rows(
      `insert into instance (org_id, worker_id, driver, key, generation, state, reason, config, billing)
       select 1, id, kind, $2, 9, 'starting', 'x', config, 'free' from worker where id = $1`,
      [worker, KEY],
    );
  });
  await jobs.sweepAccounts();
  expect(latent.cloud.count("stop")).toBe(0);
  expect((await reports(life)).at(-1)?.details).toMatchObject([
    { action: "not-stopped", error: "it is somebody's machine by now" },
  ]);
});

test("a row that was nobody's when it was judged, and is its worker's machine by now, stays", async ({
  life,
}) => {
  const { latent, jobs } = life;
  const { db } = latent.rig;
  await life.configure({ build_wait_timeout: -1 });
  await life.build();
  const [machine] = await latent.instances();
  await db.rows("update latent_worker set instance_id = null");
  jobs.before = async (text) => {
    if (!text.includes("machine_broken")) return;
    jobs.before = null;
    await db.rows("update latent_worker set instance_id = $1", [machine?.id]);
  };
  await jobs.sweepAccounts();
  expect(jobs.before).toBeNull();
  expect(await life.states()).toEqual(["running"]);
});

test("a machine that is missing twice, and whose worker is connected again by now, is not asked after", async ({
  life,
}) => {
  const { latent, jobs } = life;
  await life.configure({ build_wait_timeout: -1 });
  await life.build();
  life.agent().lose("the network");
  await life.untilLost();
  latent.cloud.listed = () => [];
  await jobs.sweepAccounts();
  jobs.before = async (text) => {
    if (!text.includes("set unlisted_at = coalesce")) return;
    jobs.before = null;
    await latent.login(life.machine(0));
  };
  await jobs.sweepAccounts();
  expect(jobs.before).toBeNull();
  expect(await latent.rig.db.rows("select unlisted_at from instance")).toEqual([
    { unlisted_at: null },
  ]);
});
