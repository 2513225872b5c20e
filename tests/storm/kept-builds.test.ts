/**
 * Guarantee: a long build on our own worker, a hundred thousand lines of it, while `socket` is killed ten
 * times as soon as it is back: green in one piece, every line once and in order, hardly later than its
 * command. The supervisor waits a little longer each time, up to two seconds, before it starts what was
 * ready and keeps dying; the command is long enough for all ten.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  elapsedOf,
  type KeptBuild,
  LOCAL,
  numbered,
  openKeeping,
  PROTOCOLS,
  type ProtocolName,
  wrongWith,
} from "./kept-builds";

const LINES = 100_000;
const SECONDS = 60;
const KILLS = 10;

const builders = (worker: ProtocolName | typeof LOCAL) => [
  {
    name: `long-${worker}`,
    workernames: [worker],
    factory: [{ type: "ShellCommand", command: numbered(LINES, SECONDS), logEnviron: false }],
  },
];

test("ten kills of socket during a build of a hundred thousand lines", async () => {
  const keeping = await openKeeping(builders);
  try {
    const requests = await Promise.all(
      [...PROTOCOLS, LOCAL].map((name) => keeping.force(`long-${name}`)),
    );
    for (const request of requests) {
      const { id } = await keeping.until(request, ({ state }) => state === "running");
      // One that is still being prepared is tried again.
      await keeping.stored(id, 1);
    }
    const begunAt = performance.now();
    let pid: number | null = 0;
    for (let kill = 0; kill < KILLS; kill += 1) {
      await keeping.connected(pid ?? 0);
      await sleep(500);
      pid = keeping.slipway.kill("socket");
      expect(pid).not.toBeNull();
      const at = ((performance.now() - begunAt) / 1_000).toFixed(1);
      console.log(`kill ${kill + 1}: process ${pid}, after ${at} s`);
    }
    for (const request of requests) {
      const build: KeptBuild = await keeping.until(request, ({ state }) => state === "finished");
      const lines = await keeping.lines(build.id, 0);
      expect(wrongWith(lines, LINES)).toBeNull();
      expect(build).toMatchObject({ result: 0, state_string: "build successful" });
      expect(await keeping.builds(request)).toEqual([build]);
      const elapsed = elapsedOf(lines);
      const seconds = await keeping.secondsOf(build.id);
      console.log(
        `the command took ${elapsed} s, its build ${(seconds - elapsed).toFixed(2)} s more`,
      );
    }
  } catch (error) {
    console.log(keeping.slipway.output.slice(-400).join("\n"));
    throw error;
  } finally {
    await keeping.stop();
  }
});
