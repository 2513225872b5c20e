/** A real HTTP proxy (Debian's tinyproxy) on a port of its own. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { freePort } from "./free-ports";

const PROGRAM = "/usr/bin/tinyproxy";

/** Whether it is installed; says so once when it is not, so that a skip has a reason. */
export function hasTinyproxy(): boolean {
  const isThere = existsSync(PROGRAM);
  if (!isThere) console.warn(`skipped: ${PROGRAM} is not installed (Debian package tinyproxy)`);
  return isThere;
}

export interface Tinyproxy {
  readonly port: number;
  readonly log: () => string;
  stop(): Promise<void>;
}

/** `account`: NAME PASSWORD that it wants. */
export async function startTinyproxy(options: { readonly account: string }): Promise<Tinyproxy> {
  const dir = mkdtempSync(join(tmpdir(), "slipway-tinyproxy-"));
  const port = await freePort();
  const logPath = join(dir, "log");
  const lines = [
    ...[`Port ${port}`, "Listen 127.0.0.1", "Allow 127.0.0.1", "Timeout 600", "MaxClients 10"],
    ...[`LogFile "${logPath}"`, "LogLevel Connect", `BasicAuth ${options.account}`],
  ];
  writeFileSync(join(dir, "conf"), `${lines.join("\n")}\n`);
  const child = spawn(PROGRAM, ["-d", "-c", join(dir, "conf")], { stdio: "ignore" });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`tinyproxy ended: ${child.exitCode}`);
    await setTimeout(20);
  }
  return {
    port,
    log: () => readFileSync(logPath, "utf8"),
    async stop() {
      child.kill("SIGTERM");
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
