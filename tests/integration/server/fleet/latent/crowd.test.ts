// Guarantee: however many machines wait for a cloud that does not answer, whoever asked for them, another
// one's time comes when it has come.
import { afterEach, beforeEach, expect, test } from "vitest";
import { CALLER, isFinished } from "../../../../support/engine-rig";
import { createLatentRig, KIND, type LatentRig } from "../../../../support/latent-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let latent: LatentRig;
beforeEach(async () => {
  latent = await createLatentRig();
});
afterEach(async () => {
  await latent.close();
});

test("a thousand that hang keep nobody else waiting", async () => {
  const { db } = latent.rig;
  const jobs = await latent.jobs();
  const other = await latent.jobs();
  // Due for an hour, and held by a process that waits for their cloud.
  await db.rows("insert into organization (id, slug, name) values (77, 'crowd', 'crowd')");
  await db.rows(
    `with w as (
       insert into worker (org_id, name, login_name, kind, config)
       select 77, 'hung-' || n, 'crowd/hung-' || n, $1, '{}' from generate_series(1, 1000) n returning id),
     l as (
       insert into latent_worker (org_id, worker_id, state, reason, owner_id)
       select 77, id, 'starting', 'its cloud is slow', $2 from w)
     insert into deadline (org_id, kind, subject_id, fire_at, reason)
     select 77, 'latent-worker', id, now() - interval '1 hour', 'x' from w`,
    [KIND, other.id],
  );
  const worker = await latent.addLatent("vm");
  const builder = await latent.rig.addBuilder("b", [worker], [STEP]);
  const request = await latent.rig.force(builder);
  expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
  // Whoever was to be told that it is wanted never was.
  await jobs.sweep();
  expect(await latent.rig.build(request, isFinished)).toMatchObject({
    org_id: CALLER.orgId,
    result: 0,
  });
});
