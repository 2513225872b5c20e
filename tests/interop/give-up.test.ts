// Guarantee: a worker whose master is gone ends by itself, ours and the real one, so that a machine made
// for it can end with it; one that was taken in stays, and a short loss of its master does not end it.
import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { pbProtocol } from "../../server/protocols/pb";
import { hasBuildbotWorker, startBuildbotWorker } from "../support/buildbot-worker";
import { freePorts } from "../support/free-ports";
import { startSlipwayWorker } from "../support/slipway-worker";
import { testDoor } from "../support/worker-door";

const OPTIONS = { host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 };
const LOGIN = { name: "w1", password: "pass" };

describe("our worker", () => {
  it.each([["--give-up-after=1"], ["--maxretries=1"]])(
    "ends without a master: %s",
    async (option) => {
      const [port] = await freePorts(1);
      const worker = await startSlipwayWorker({ port, ...LOGIN, args: [option] });
      expect(await worker.exited).toBe(1);
      await worker.stop();
    },
  );

  it("stays while it is taken in, and when its master is back in time", async () => {
    const door = testDoor({ passwords: { w1: "pass" } });
    const listening = await pbProtocol.listen(door, OPTIONS);
    const { port } = listening;
    const worker = await startSlipwayWorker({ port, ...LOGIN, args: ["--give-up-after=3"] });
    const { session } = await door.nextAttached();
    await setTimeout(3_500);
    session.close({ code: "peer-reset", message: "cut by the test" });
    await door.nextAttached();
    await setTimeout(3_500);
    expect(worker.process.exitCode).toBeNull();
    await worker.stop();
    await listening.close();
  });
});

describe.skipIf(!hasBuildbotWorker())("the real worker", () => {
  it("ends without a master", async () => {
    const [port] = await freePorts(1);
    const worker = await startBuildbotWorker({
      host: "127.0.0.1",
      port,
      ...LOGIN,
      args: ["--maxretries=2"],
    });
    expect(await worker.exited).toBe(0);
    await worker.stop();
  });

  it("ends when its master goes", async () => {
    const door = testDoor({ passwords: { w1: "pass" } });
    const listening = await pbProtocol.listen(door, OPTIONS);
    const { port } = listening;
    const worker = await startBuildbotWorker({
      host: "127.0.0.1",
      port,
      ...LOGIN,
      args: ["--maxretries=2"],
    });
    await door.nextAttached();
    await listening.close();
    expect(await worker.exited).toBe(0);
    await worker.stop();
  });

  it("ends when its master turns it away, time and again", async () => {
    const door = testDoor({ passwords: { w1: "that of another machine" } });
    const listening = await pbProtocol.listen(door, OPTIONS);
    const { port } = listening;
    const worker = await startBuildbotWorker({
      ...{ host: "127.0.0.1", port, ...LOGIN, args: ["--maxretries=2"] },
    });
    expect(await worker.exited).toBe(0);
    await worker.stop();
    await listening.close();
  });
});
