// Guarantee: our own worker does everything over either door that Buildbot's does (buildbot-worker.test.ts),
// made and started by its command line.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { msgpackProtocol } from "../../../server/protocols/msgpack";
import { pbProtocol } from "../../../server/protocols/pb";
import { MSGPACK } from "../../support/buildbot-worker";
import { workerProgram } from "../../support/slipway-worker";
import type { RunningWorker, StartOptions } from "./kind";
import { workerSuite } from "./suite";

async function started(
  speaking: readonly string[],
  { port, name, password, args = [], env = {} }: StartOptions,
): Promise<RunningWorker> {
  const home = mkdtempSync(join(tmpdir(), "slipway-worker-"));
  const dir = join(home, "w");
  const program = join(home, "worker.mjs");
  writeFileSync(program, await workerProgram());
  const small = { PATH: "/usr/bin:/bin", HOME: dir, LANG: "C.UTF-8", ...env };
  const run = (...command: string[]) => {
    const child = spawn(process.execPath, [program, ...command], {
      ...{ cwd: home, stdio: "ignore", env: small as unknown as NodeJS.ProcessEnv },
    });
    return { child, exited: new Promise<number | null>((end) => child.once("exit", end)) };
  };
  const options = ["--umask=0o22", ...speaking, ...args];
  const making = run("create-worker", ...options, dir, `127.0.0.1:${port}`, "--", name, password);
  if ((await making.exited) !== 0) throw new Error("no worker was made");
  const { child, exited } = run("start", "--nodaemon", dir);
  return {
    dir,
    exited,
    signal: (signal) => void child.kill(signal),
    async stop() {
      child.kill("SIGTERM");
      await exited;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

for (const [protocol, speaking] of [
  [pbProtocol, []],
  [msgpackProtocol, [MSGPACK]],
] as const) {
  workerSuite({
    name: `slipway-worker over ${protocol.name}`,
    protocol,
    isThere: () => true,
    start: (options) => started(speaking, options),
    skips: {},
  });
}
