/**
 * What one one-step build costs PostgreSQL, counted by a proxy before it, one build at a time; what
 * the installation does when idle for as long is subtracted.
 *
 * `row commits` are transactions that were given a number (they changed something), as the server
 * counts them, less those that only notified: NOTIFY takes a number too, and waits for no disk.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { startEmbedded } from "../../server/db/embedded";
import { OUTBOX } from "../../server/events/bus";
import { startBuildbotWorker } from "../support/buildbot-worker";
import { startCountingProxy } from "../support/counting-proxy";
import { startSlipway } from "../support/slipway-instance";
import { PASSWORD, plan } from "./peer";
import { slipwayConfig } from "./slipway";

const IDLE_MS = 10_000;
/** After a build, until what it woke has settled. */
const SETTLE_MS = 300;

export interface CommitFigures extends Record<string, number> {
  "row commits": number;
  "all commits": number;
  "engine round trips": number;
  "queue round trips": number;
}

export async function measureCommits(builds: number): Promise<CommitFigures> {
  const cleanups: (() => Promise<unknown>)[] = [];
  try {
    const dataDir = mkdtempSync(join(tmpdir(), "bench-database-"));
    cleanups.push(async () => rmSync(dataDir, { recursive: true, force: true }));
    const server = await startEmbedded({ dataDir });
    cleanups.push(() => server.stop());
    const proxy = await startCountingProxy(server.url);
    cleanups.push(() => proxy.close());
    const config = slipwayConfig(plan(["true"]));
    const slipway = await startSlipway({ isBuilt: true, databaseUrl: proxy.url, config });
    cleanups.push(() => slipway.stop());
    const where = { host: "127.0.0.1", port: slipway.pbPort };
    const worker = await startBuildbotWorker({ ...where, name: "w1", password: PASSWORD });
    cleanups.push(() => worker.stop());
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    cleanups.push(() => client.end());
    await client.query(`listen ${OUTBOX}`);

    const build = async () => {
      const made = await slipway.call<{ buildrequestids: Record<string, number> }>(
        "builders/trivial",
        "force",
      );
      const id = Object.values(made.buildrequestids)[0];
      for (;;) {
        const { rows } = await client.query("select state from build_request where id = $1", [id]);
        if (rows[0]?.state === "done") return;
        await new Promise((resolve) => client.once("notification", resolve));
      }
    };
    const numbered = async () => {
      const { rows } = await client.query(
        "select pg_snapshot_xmax(pg_current_snapshot())::text as n",
      );
      return Number(rows[0].n);
    };
    const during = async (work: () => Promise<void>) => {
      const from = performance.now();
      const before = await numbered();
      proxy.reset();
      await work();
      const counts = Object.entries(proxy.counts());
      const sum = (key: "roundTrips" | "commits" | "notifications", isQueue: boolean | null) =>
        counts
          .filter(([name]) => isQueue === null || (name === "queue") === isQueue)
          .reduce((all, [, count]) => all + count[key], 0);
      return {
        ms: performance.now() - from,
        "row commits": (await numbered()) - before - sum("notifications", null),
        "all commits": sum("commits", null),
        "engine round trips": sum("roundTrips", false),
        "queue round trips": sum("roundTrips", true),
      };
    };

    for (let n = 0; n < 3; n += 1) await build();
    await sleep(1_000);
    const idle = await during(() => sleep(IDLE_MS));
    const busy = await during(async () => {
      for (let n = 0; n < builds; n += 1) {
        await build();
        await sleep(SETTLE_MS);
      }
    });
    const figure = (key: keyof CommitFigures & keyof typeof idle) =>
      (busy[key] - (idle[key] * busy.ms) / idle.ms) / builds;
    return {
      "row commits": figure("row commits"),
      "all commits": figure("all commits"),
      "engine round trips": figure("engine round trips"),
      "queue round trips": figure("queue round trips"),
    };
  } finally {
    for (let undo = cleanups.pop(); undo; undo = cleanups.pop()) await undo();
  }
}
