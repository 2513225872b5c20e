// Guarantee: a build that is claimed between the look at an idle machine and the statement that lets it
// go keeps its machine: letting go is refused when somebody has wanted it meanwhile (R6).
import { expect } from "vitest";
import { CANCELLED } from "../../../../../server/domain/builds";
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
