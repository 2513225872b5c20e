// Guarantee: a build that is claimed, or given the machine, between the look at that machine and the
// statement that lets it go keeps it: letting go is refused when somebody has it or wants it meanwhile
// (R6). One that was let go is given to nobody.
import { expect } from "vitest";
import { CANCELLED, SUCCESS } from "../../../../../server/domain/builds";
import { assign } from "../../../../../server/domain/scheduling";
import { releaseWaiting } from "../../../../../server/engine";
import { claim } from "../../../../../server/engine/distribute/claim";
import { loadCandidates } from "../../../../../server/engine/distribute/queue";
import { untilStopped } from "../../../../../server/protocols/null";
import { CALLER, isFinished, isRunning } from "../../../../support/engine-rig";
import { type Life, STEP, test } from "../../../../support/latent-life";

test("R6: the wait timer fires while a claim is being made: the build has the machine", async ({
  life,
}) => {
  const { latent, jobs, worker, builder } = life;
  await life.configure({ build_wait_timeout: 600 });
  await life.build();
  life.agent().behaviour = untilStopped;
  await latent.rig.db.rows("update build set complete_at = now() - interval '1 h'");
  await life.pass("state_since");
  const request = await latent.rig.force(builder);
  // Held, looked at, and about to be let go.
  let statements = 0;
  jobs.before = async () => {
    statements += 1;
    if (statements !== 3) return;
    jobs.before = null;
    expect(await latent.claim(jobs, request, builder, worker)).toBe(true);
    await latent.rig.build(request, isRunning);
  };
  await life.see();
  expect(statements).toBe(3);
  expect((await latent.rig.build(request)).state).toBe("running");
  expect((await latent.row(worker)).state).toBe("substantiated");
  expect(latent.cloud.alive).toHaveLength(1);
  await life.stop(request);
  expect((await latent.rig.build(request, isFinished)).result).toBe(CANCELLED);
});

test("R6: a lost machine logs in again while the next is about to be wanted: the build has it", async ({
  life,
}) => {
  const { latent, jobs } = life;
  await life.configure({ build_wait_timeout: 600 });
  await life.build();
  life.agent().lose("the network");
  await life.untilLost();
  const request = await life.ask();
  jobs.before = async (text) => {
    if (!text.includes("machine_running")) return;
    jobs.before = null;
    latent.behaviour = untilStopped;
    await latent.login(life.machine(0));
    await latent.rig.build(request, isRunning);
  };
  await life.see();
  expect(jobs.before).toBeNull();
  expect((await latent.rig.build(request)).state).toBe("running");
  expect((await latent.row(life.worker)).state).toBe("substantiated");
  await life.stop(request);
  expect((await latent.rig.build(request, isFinished)).result).toBe(CANCELLED);
});

test("a machine that was let go, and whose connection still stands, is given to nobody", async ({
  life,
}) => {
  const { latent, jobs, worker } = life;
  await latent.rig.build(await life.ask().finally(life.see), isFinished);
  let second = null;
  jobs.before = async (text) => {
    if (!text.includes("end_requested = 'kill'")) return;
    jobs.before = null;
    expect((await latent.row(worker)).state).toBe("insubstantiating");
    second = await life.ask();
    expect(await releaseWaiting(latent.rig.db, worker, "somebody late")).toEqual([]);
  };
  await life.see();
  await life.see();
  if (second === null) throw new Error("its doors were not closed");
  expect((await latent.rig.build(second, isFinished)).result).toBe(SUCCESS);
  expect(await latent.rig.builds(second)).toHaveLength(1);
  expect(latent.cloud.machines).toHaveLength(2);
});

/** As the distributor sees the worker now. @returns the claim, to be made later, and what was chosen */
async function choose({ latent, jobs, builder }: Life) {
  const { db } = latent.rig;
  const id = await latent.rig.force(builder);
  const { workers } = (await loadCandidates(db, CALLER.orgId, [builder])).get(builder) ?? {
    workers: [],
  };
  const requests = [{ id, priority: 0, submittedAt: 0 }];
  const [chosen] = assign([{ builderId: builder, name: "b", requests, workers }], Date.now());
  if (!chosen) throw new Error("nothing takes its builds");
  return { chosen, claim: () => claim(db, CALLER.orgId, chosen, "jobs", jobs.id) };
}

test("a build is not claimed for a machine that was let go since it was chosen", async ({
  life,
}) => {
  const { latent, jobs, worker } = life;
  await life.configure({ build_wait_timeout: 600 });
  await life.build();
  const seen = await choose(life);
  expect(seen.chosen.sessionId).not.toBeNull();
  let claimed: unknown = "not tried";
  jobs.before = async (text) => {
    if (!text.includes("end_requested = 'kill'")) return;
    jobs.before = null;
    await latent.rig.db.rows("update worker set is_draining = false");
    claimed = await seen.claim();
  };
  await latent.rig.db.rows("update worker set is_draining = true");
  await life.see();
  expect(claimed).toBeNull();
  expect((await latent.row(worker)).state).toBe("insubstantiated");
});

test("a build is not claimed for a worker whose failure nobody has told yet", async ({ life }) => {
  const { db } = life.latent.rig;
  const fails = (failure: object | null) =>
    db.rows("update latent_worker set failure = $1", [failure && JSON.stringify(failure)]);
  // At rest, and on its way for another build.
  const first = await choose(life);
  await fails({ verdict: "transient", reason: "none" });
  expect(await first.claim()).toBeNull();
  await fails(null);
  expect(await first.claim()).not.toBeNull();
  const other = await life.latent.rig.addBuilder("c", [life.worker], [STEP]);
  const second = await choose({ ...life, builder: other });
  await fails({ verdict: "transient", reason: "none" });
  expect(await second.claim()).toBeNull();
  await fails(null);
  expect(await second.claim()).not.toBeNull();
});

test("a machine is given to those who wait by a connection that takes builds, and by no other", async ({
  life,
}) => {
  const { latent, worker } = life;
  const { db } = latent.rig;
  latent.boots = false;
  const request = await life.ask();
  await life.see();
  // Whoever holds its connection dies before it gives the machine to anybody.
  const { line } = latent.socket;
  line.before = (text) =>
    text.includes("hits machine has logged in") ? new Promise(() => {}) : undefined;
  await latent.login(life.machine(0));
  const socket = latent.socket.id;
  const give = () => releaseWaiting(db, worker, "test");
  for (const [no, yes] of [
    [
      `update process set gone_at = now() where id = ${socket}`,
      `update process set gone_at = null where id = ${socket}`,
    ],
    [
      `update process set lease_expires_at = now() - interval '1 s' where id = ${socket}`,
      `update process set lease_expires_at = now() + interval '1 h' where id = ${socket}`,
    ],
    [
      "update worker_session set end_requested = 'release'",
      "update worker_session set end_requested = null",
    ],
    ["update latent_worker set needs_other = true", "update latent_worker set needs_other = false"],
  ] as const) {
    await db.rows(no);
    expect(await give(), no).toEqual([]);
    await db.rows(yes);
  }
  expect(await give()).toEqual([socket]);
  await latent.socket.builds.look();
  expect((await latent.rig.build(request, isFinished)).result).toBe(SUCCESS);
});
