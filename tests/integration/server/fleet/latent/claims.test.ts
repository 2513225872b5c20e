// Guarantee: a build that is claimed, or given the machine, between the look at that machine and the
// statement that lets it go keeps it: letting go is refused when somebody has it or wants it meanwhile
// (R6). One that was let go is given to nobody.
import { expect } from "vitest";
import { CANCELLED, SUCCESS } from "../../../../../server/domain/builds";
import { releaseWaiting } from "../../../../../server/engine";
import { untilStopped } from "../../../../../server/protocols/null";
import { isFinished, isRunning } from "../../../../support/engine-rig";
import { test } from "../../../../support/latent-life";

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
