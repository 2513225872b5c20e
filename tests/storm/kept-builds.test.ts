/**
 * Guarantee: a long build on our own worker, a hundred thousand lines of it, while `socket` is killed ten
 * times as soon as it is back: green in one piece, every line once and in order, hardly later than its
 * command. The supervisor waits ever longer before it starts what keeps dying, up to ten seconds; the
 * command is long enough for all ten.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  elapsedOf,
  type KeptBuild,
  numbered,
  openKeeping,
  PROTOCOLS,
  type ProtocolName,
  wrongWith,
} from "./kept-builds";

const LINES = 100_000;
const SECONDS = 85;
const KILLS = 10;

const builders = (worker: ProtocolName) => [
  {
    name: `long-${worker}`,
    workernames: [worker],
    factory: [{ type: "ShellCommand", command: numbered(LINES, SECONDS), logEnviron: false }],
  },
];

test("ten kills of socket during a build of a hundred thousand lines", async () => {
  const keeping = await openKeeping(builders);
  try {
    const requests = await Promise.all(PROTOCOLS.map((name) => keeping.force(`long-${name}`)));
    for (const request of requests)
      await keeping.until(request, ({ state }) => state === "running");
    let pid: number | null = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      await keeping.connected(pid ?? 0);
      await sleep(500);
      pid = keeping.slipway.kill("socket");
      expect(pid).not.toBeNull();
      console.log(`kill ${kill + 1}: process ${pid}`);
    }
    for (const request of requests) {
      const build: KeptBuild = await keeping.until(request, ({ state }) => state === "finished");
      const lines = await keeping.lines(build.id, 0);
      expect(wrongWith(lines, LINES)).toBeNull();
      expect(build).toMatchObject({ result: 0, state_string: "build successful" });
      expect(await keeping.builds(request)).toHaveLength(1);
      const elapsed = elapsedOf(lines);
      const seconds = await keeping.secondsOf(build.id);
      console.log(
        `the command took ${elapsed} s, its build ${(seconds - elapsed).toFixed(2)} s more`,
      );
    }
  } finally {
    await keeping.stop();
  }
});
