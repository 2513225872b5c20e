/** One more `socket` process of a running installation, as an operator starts it by hand. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { projectRoot, SECRET_KEY_FILE } from "../../server/env";
import { freePorts } from "./free-ports";
import type { SlipwayInstance } from "./slipway-instance";

export interface SocketProgram {
  readonly pid: number;
  readonly pbPort: number;
  readonly msgpackPort: number;
  readonly output: readonly string[];
  /** Settles with the exit code when it ends (null: by a signal). */
  readonly exited: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
}

export async function startSocketProcess(
  slipway: SlipwayInstance,
  more: Readonly<Record<string, string>> = {},
): Promise<SocketProgram> {
  const [livePort, pbPort, msgpackPort] = await freePorts(3);
  const root = projectRoot();
  const child: ChildProcess = spawn(
    process.execPath,
    ["--enable-source-maps", join(root, ".dist/socket.js")],
    {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH ?? "/usr/bin:/bin",
        LANG: "C.UTF-8",
        NODE_ENV: "production",
        DATABASE_URL: slipway.databaseUrl,
        SLIPWAY_SECRET_KEY: readFileSync(join(slipway.dataDir, SECRET_KEY_FILE), "utf8").trim(),
        SLIPWAY_DATA_DIR: slipway.dataDir,
        SLIPWAY_PUBLIC_URL: slipway.url,
        SLIPWAY_LIVE_PORT: String(livePort),
        SLIPWAY_PB_PORT: String(pbPort),
        SLIPWAY_MSGPACK_PORT: String(msgpackPort),
        ...more,
      },
    },
  );
  const output: string[] = [];
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        output.push(line);
        if (line.includes("socket process is ready")) resolve();
      });
    }
  });
  await Promise.race([
    ready,
    exited.then((status) => {
      throw new Error(`the process ended with ${status}:\n${output.slice(-20).join("\n")}`);
    }),
  ]);
  return {
    pid: child.pid as number,
    pbPort,
    msgpackPort,
    output,
    exited,
    signal: (name) => void child.kill(name),
  };
}
