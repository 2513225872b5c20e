/** Builds while PostgreSQL, one that is not Slipway's own, is stopped and started again. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startEmbedded } from "../../server/db/embedded";
import type { SeededRandom } from "../support/seeded-random";
import { openStorm, type Storm } from "./storm";

export interface Restarts {
  readonly restarts: number;
  readonly builds: number;
  readonly random: SeededRandom;
  readonly say: (line: string) => void;
}

/** @param look is called at the end, while everything still runs */
export async function postgresRestarts(
  { restarts, builds, random, say }: Restarts,
  look: (storm: Storm, ids: readonly number[]) => Promise<void>,
): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), "slipway-tests-"));
  let server = await startEmbedded({ dataDir, isThrowaway: true });
  try {
    const storm = await openStorm({ databaseUrl: server.url });
    try {
      const all: number[] = [];
      for (let round = 0; round < restarts; round += 1) {
        const requests = storm.requestMany(builds, `restart-${round}`);
        const afterMs = random.below(3_000);
        const awayMs = random.below(3_000);
        await sleep(afterMs);
        // SIGINT: every session is ended at once, what was not committed is undone.
        process.kill(server.pid, "SIGINT");
        await server.gone;
        await sleep(awayMs);
        const before = server.url;
        server = await startEmbedded({ dataDir, isThrowaway: true });
        if (server.url !== before) throw new Error("PostgreSQL did not get its port back");
        const ids = await requests;
        await storm.complete(ids);
        all.push(...ids);
        say(`restart ${round}: after ${afterMs} ms, away for ${awayMs} ms`);
      }
      await look(storm, all);
    } finally {
      await storm.stop();
    }
  } finally {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
