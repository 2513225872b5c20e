/**
 * A real Buildbot master (Debian's package) in a directory of its own, for interop tests.
 *
 *     const master = await startBuildbotMaster();
 *     … "w1" and "w2" with password "pass" connect to `master.ports.pb` and `.msgpack` …
 *     const { results, steps } = await master.build("pb-echo");
 *     await master.stop();
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePorts } from "../free-ports";

const PROGRAM = "/usr/bin/buildbot";
const PYTHON = "/usr/bin/python3";
const CONFIGURATION = fileURLToPath(new URL("master.cfg", import.meta.url));

const TAC = `
from twisted.application import service
from buildbot.master import BuildMaster
application = service.Application('buildmaster')
BuildMaster(".", "master.cfg", None).setServiceParent(application)
`;

/** Whether the real master is installed; says so once when it is not, so that a skip has a reason. */
export function hasBuildbotMaster(): boolean {
  const isThere = existsSync(PROGRAM);
  if (!isThere && !hasComplained) {
    hasComplained = true;
    console.warn(`skipped: ${PROGRAM} is not installed (Debian package buildbot)`);
  }
  return isThere;
}
let hasComplained = false;

export interface BuildOutcome {
  /** Buildbot's numbers: 0 success, 2 failure, … */
  readonly results: number;
  /** Logs as Buildbot stores them: one letter before each line says its stream. */
  readonly steps: readonly {
    readonly name: string;
    readonly results: number;
    readonly log: string;
  }[];
}

export interface BuildbotMaster {
  readonly dir: string;
  /** Where workers connect. */
  readonly ports: { readonly pb: number; readonly msgpack: number };
  start(): Promise<void>;
  /** Waits until all these workers are attached. */
  attached(...workers: string[]): Promise<void>;
  build(builder: string): Promise<BuildOutcome>;
  /** Stops the build that a builder runs. */
  stopBuild(builder: string): Promise<void>;
  /** Ends the process; `start` brings it back on the same port. */
  halt(): Promise<void>;
  /** Ends it for good and removes its directory. */
  stop(): Promise<void>;
}

/** @param repository what its Git steps check out */
export async function startBuildbotMaster(repository: string): Promise<BuildbotMaster> {
  const dir = mkdtempSync(join(tmpdir(), "buildbot-master-"));
  const [pbPort, msgpackPort, controlPort] = await freePorts(3);
  const small: Record<string, string> = {
    PATH: "/usr/bin:/bin",
    HOME: dir,
    LANG: "C.UTF-8",
    PYTHONWARNINGS: "ignore",
    TEST_MASTER: JSON.stringify({ pbPort, msgpackPort, controlPort, repository }),
  };
  const env = small as NodeJS.ProcessEnv;
  copyFileSync(CONFIGURATION, join(dir, "master.cfg"));
  writeFileSync(join(dir, "buildbot.tac"), TAC);
  execFileSync(PROGRAM, ["upgrade-master", "-q", dir], { env, cwd: dir, stdio: "pipe" });

  let running: { child: ChildProcess; exited: Promise<void> } | null = null;
  const ask = (question: string) => askControl(controlPort, question);
  const master: BuildbotMaster = {
    dir,
    ports: { pb: pbPort, msgpack: msgpackPort },
    async start() {
      const log = openSync(join(dir, "output.log"), "a");
      const child = spawn(
        PYTHON,
        [
          ...["-c", "from twisted.scripts.twistd import run; run()"],
          ...["--no_save", "--nodaemon", "--pidfile=", "--logfile=-", "--python=buildbot.tac"],
        ],
        { env, cwd: dir, stdio: ["ignore", log, log] },
      );
      closeSync(log);
      let isOver = false;
      const exited = new Promise<void>((resolve) => {
        child.once("exit", () => {
          isOver = true;
          resolve();
        });
      });
      running = { child, exited };
      while ((await ask("connected").catch(() => null)) === null) {
        if (isOver) throw new Error(`the master did not start; see ${dir}/output.log`);
        await setTimeout(50);
      }
    },
    async attached(...workers) {
      const areThere = (names: string[]) => workers.every((worker) => names.includes(worker));
      while (!areThere((await ask("connected")) as string[])) await setTimeout(50);
    },
    build: async (builder) => (await ask(`build ${builder}`)) as BuildOutcome,
    async stopBuild(builder) {
      await ask(`stop ${builder}`);
    },
    async halt() {
      running?.child.kill("SIGTERM");
      await running?.exited;
      running = null;
    },
    async stop() {
      await master.halt();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  await master.start();
  return master;
}

/** One question on a connection of its own; rejects when nobody answers. */
function askControl(port: number, question: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the master went away")));
    socket.write(`${question}\n`);
    let line = "";
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      line += text;
      if (!line.endsWith("\n")) return;
      resolve(JSON.parse(line));
      socket.destroy();
    });
  });
}
