/**
 * Guarantee: a request whose worker is there is given out without a look at the machines that others
 * want, and only where no turns at locks have to be taken among all of them.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { SUCCESS } from "../../../../server/domain/builds";
import { accessesOf } from "../../../../server/domain/locks";
import { distributeToThere } from "../../../../server/engine";
import { CALLER, isFinished } from "../../../support/engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "../../../support/latent-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let latent: LatentRig;
let jobs: JobsProcess;
beforeEach(async () => {
  latent = await createLatentRig();
  jobs = await latent.jobs();
});
afterEach(() => latent.close());

const toThere = () =>
  distributeToThere(
    {
      ...{ db: latent.rig.db, actor: "jobs", now: Date.now },
      tell: (owner) => latent.rig.told(owner),
      latent: { processId: jobs.id, see: () => {} },
    },
    CALLER.orgId,
  );

test("those whose worker is there are given out; those that want a machine wait for their turn", async () => {
  const { rig } = latent;
  const worker = await rig.addWorker("static");
  await latent.socket.connect("static");
  const machine = await latent.addLatent("latent");
  const wantsMachine = await rig.force(await rig.addBuilder("a", [machine], [STEP]));
  const there = await rig.force(await rig.addBuilder("b", [worker], [STEP]));
  expect(await toThere()).toBe(1);
  expect(await rig.build(there, isFinished)).toMatchObject({ result: SUCCESS, worker_id: worker });
  expect((await rig.request(wantsMachine)).state).toBe("pending");
  expect(await latent.distribute(jobs)).toBe(1);
  expect(await rig.build(wantsMachine, isFinished)).toMatchObject({ worker_id: machine });
});

test("a machine that is kept is there, too", async () => {
  const { rig } = latent;
  const machine = await latent.addLatent("latent", { build_wait_timeout: 600 });
  const builder = await rig.addBuilder("a", [machine], [STEP]);
  const first = await rig.force(builder);
  await latent.distribute(jobs);
  await rig.build(first, isFinished);
  await latent.reach(machine, "substantiated");
  const second = await rig.force(builder);
  expect(await toThere()).toBe(1);
  expect(await rig.build(second, isFinished)).toMatchObject({ result: SUCCESS });
  expect(latent.cloud.machines).toHaveLength(1);
});

test("who is first at a lock is not passed by because it has to wait for its machine", async () => {
  const { rig } = latent;
  await rig.db.rows(
    `insert into lock (org_id, kind, name, max_count, max_count_for_worker, places)
     values (1, 'MasterLock', 'db', 1, '{}', 1)`,
  );
  const worker = await rig.addWorker("static");
  await latent.socket.connect("static");
  const machine = await latent.addLatent("latent");
  const builders = [
    await rig.addBuilder("a", [machine], [STEP]),
    await rig.addBuilder("b", [worker], [STEP]),
  ];
  await rig.db.rows("update builder set locks = $1 where id = any($2)", [
    JSON.stringify(accessesOf([{ name: "db", mode: "exclusive" }])),
    builders,
  ]);
  const [a, b] = builders;
  const first = await rig.force(a as (typeof builders)[number], 1);
  const second = await rig.force(b as (typeof builders)[number]);
  expect(await toThere()).toBe(0);
  expect(await latent.distribute(jobs)).toBe(1);
  expect((await rig.request(first)).state).not.toBe("pending");
  expect((await rig.request(second)).state).toBe("pending");
});
