import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import pg from "pg";
import { type Access, urlOf } from "./credentials";
import { commandLine, isAlive } from "./process-identity";

/** A server found running on a cluster, started by somebody who is gone. */
export interface RunningServer {
  pid: number;
  port: number;
}

const PID_FILE = "postmaster.pid";

/** How long a server may take to answer or to end before we give up on it. */
const PATIENCE_MS = 30_000;

/**
 * A server that outlived its parent (killed without a chance to stop it) still owns its cluster, and
 * a second one cannot start there. One that answers is returned, for use; one that is on its way
 * down is waited for; a pid file that means nothing any more, after a power cut say, is removed.
 *
 * @throws Error when a server neither answers nor ends
 */
export async function findRunning(cluster: string, access: Access): Promise<RunningServer | null> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (;;) {
    const lines = await readPidFile(cluster);
    if (lines === null) return null;
    const pid = Number(lines[0]);
    const port = Number(lines[3]);
    if (!(await isServerOf(pid, cluster))) {
      await rm(join(cluster, PID_FILE), { force: true });
      return null;
    }
    if (port > 0 && (await answers(access, port, cluster))) return { pid, port };
    if (Date.now() > giveUpAt) {
      throw new Error(
        `a PostgreSQL server (process ${pid}) holds ${cluster} and does not answer: end it first`,
      );
    }
    await setTimeout(100);
  }
}

/** Lines as documented for `postmaster.pid`: pid, data directory, start time, port, … */
async function readPidFile(cluster: string): Promise<string[] | null> {
  const text = await readFile(join(cluster, PID_FILE), "utf8").catch(() => null);
  return text === null ? null : text.split("\n");
}

/** The number may have gone to another program since. */
async function isServerOf(pid: number, cluster: string): Promise<boolean> {
  return Number.isInteger(pid) && isAlive(pid) && commandLine(pid).includes(cluster);
}

async function answers(access: Access, port: number, cluster: string): Promise<boolean> {
  const client = new pg.Client({
    connectionString: urlOf(access, port, "postgres"),
    connectionTimeoutMillis: 2_000,
  });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ data_directory: string }>("show data_directory");
    return rows[0]?.data_directory === cluster;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * Fast shutdown: sessions are ended, everything is on disk when this returns. A server that does
 * not manage within half a minute is stopped at once and recovers at its next start.
 */
export async function stopServer(pid: number): Promise<void> {
  for (const signal of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    const giveUpAt = Date.now() + PATIENCE_MS;
    while (Date.now() < giveUpAt) {
      if (!isAlive(pid)) return;
      await setTimeout(20);
    }
  }
}
