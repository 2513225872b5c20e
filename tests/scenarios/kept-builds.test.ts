/**
 * Guarantee: a build on our own worker outlives whatever happens to the server and to the line: killed,
 * stopped in order, cut off. It ends green in one piece, with every line once and in order.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from "vitest";
import {
  elapsedOf,
  type Keeping,
  numbered,
  openKeeping,
  PROTOCOLS,
  type ProtocolName,
  wrongWith,
} from "../storm/kept-builds";

const SUCCESS = 0;
const LINES = 20_000;
const shell = (command: string, more: object = {}) => ({
  type: "ShellCommand",
  command,
  logEnviron: false,
  ...more,
});

const builders = (worker: ProtocolName) => [
  {
    name: `long-${worker}`,
    workernames: [worker],
    factory: [shell(numbered(LINES, 12)), shell("echo after")],
  },
];

describe("builds that outlive the server", () => {
  let keeping: Keeping;
  beforeAll(async () => {
    keeping = await openKeeping(builders);
  });
  afterAll(() => keeping?.stop());
  const tellMore = () =>
    onTestFailed(() => console.log(keeping.slipway.output.slice(-80).join("\n")));

  async function expectWhole(requestId: number): Promise<void> {
    const build = await keeping.until(requestId, ({ state }) => state === "finished");
    const lines = await keeping.lines(build.id, 0);
    expect(wrongWith(lines, LINES)).toBeNull();
    expect(lines.filter((line) => line.startsWith("elapsedTime="))).toHaveLength(1);
    expect(build).toMatchObject({ result: SUCCESS, state_string: "build successful" });
    expect(await keeping.builds(requestId)).toHaveLength(1);
    console.log(`the command itself took ${elapsedOf(lines)} s`);
  }

  test("socket killed three times", async () => {
    tellMore();
    const requests = await Promise.all(PROTOCOLS.map((name) => keeping.force(`long-${name}`)));
    for (const request of requests)
      await keeping.until(request, ({ state }) => state === "running");
    for (let kill = 0; kill < 3; kill += 1) {
      await sleep(2_500);
      expect(keeping.slipway.kill("socket")).not.toBeNull();
    }
    for (const request of requests) await expectWhole(request);
  });
});
