// Guarantee: our own worker serves a real Buildbot master as Buildbot's worker does.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type BuildbotMaster,
  hasBuildbotMaster,
  startBuildbotMaster,
} from "../support/buildbot-master";
import { type SlipwayWorker, startSlipwayWorker } from "../support/slipway-worker";

const SUCCESS = 0;
const FAILURE = 2;

describe.skipIf(!hasBuildbotMaster())("our worker with a real Buildbot master", () => {
  let master: BuildbotMaster;
  let worker: SlipwayWorker;

  beforeAll(async () => {
    master = await startBuildbotMaster();
    worker = await startSlipwayWorker({ port: master.port, name: "w1", password: "pass" });
    await master.workerAttached();
  });

  afterAll(async () => {
    await worker?.stop();
    await master?.stop();
  });

  it("runs a build of one command", async () => {
    const { results, steps } = await master.build("echo");
    expect(results).toBe(SUCCESS);
    const log = steps.find(({ name }) => name === "echo")?.log ?? "";
    expect(log).toContain("hecho hi\nh in dir ");
    expect(log).toContain("\nohi\n");
    expect(log).toContain("hprogram finished with exit code 0\n");
  });

  it("runs every kind of step", async () => {
    const { results, steps } = await master.build("steps");
    const failed = steps.filter((step) => step.results !== SUCCESS);
    expect(failed).toEqual([]);
    expect(results).toBe(SUCCESS);
    const log = (name: string) => steps.find((step) => step.name === name)?.log ?? "";
    expect(log("shell")).toContain("ono newline\n");
    expect(log("use")).toContain("oanswer=value-42\n");
    expect(log("downloaded")).toContain("oa string\no640\n");
    expect(log("logfile")).toContain("ol1\nol2\n");
    expect(log("terminal")).toContain("otty\n");
    expect(log("stdin")).toContain("ofrom stdin\n");
    const uploaded = join(master.dir, "up_dir", "d2", "b.dat");
    expect(readFileSync(uploaded).equals(Buffer.from([0, 1, 255]))).toBe(true);
    expect(existsSync(join(master.dir, "up_gz", "a.txt"))).toBe(true);
    expect(readFileSync(join(master.dir, "up_a.txt"), "utf8")).toBe("one\n");
  });

  it("tells failures and time-outs", async () => {
    const failed = await master.build("fail");
    expect(failed.results).toBe(FAILURE);
    expect(failed.steps.at(-1)?.log).toContain("ebad\n");
    const silent = await master.build("timeout");
    expect(silent.results).toBe(FAILURE);
    expect(silent.steps.at(-1)?.log).toContain("1 seconds without output");
  });

  it("loses no line, and lets go of the master's objects", async () => {
    const { results, steps } = await master.build("lines");
    expect(results).toBe(SUCCESS);
    const numbers = (steps.at(-1)?.log ?? "").split("\n").filter((line) => /^o\d+$/.test(line));
    expect(numbers).toHaveLength(50_001);
    expect((await master.build("many")).results).toBe(SUCCESS);
  });

  it("comes back when the master was restarted", async () => {
    await master.halt();
    await master.start();
    await master.workerAttached();
    expect((await master.build("echo")).results).toBe(SUCCESS);
  });
});
