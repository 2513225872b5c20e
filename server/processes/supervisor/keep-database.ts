/**
 * The embedded database is kept running like everything else: when it ends unasked it is started
 * again on the same port. The processes wait for it and carry on; nothing of theirs is lost.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type EmbeddedPostgres, startEmbedded } from "../../db/embedded";

/** What is left of a killed server holds its memory for moments; then it must come up. */
const TRIES = 30;
const RETRY_MS = 1_000;

export interface KeptDatabase {
  /** Settles with a reason when it cannot be brought back. Never while it is being stopped. */
  readonly lost: Promise<string>;
  stop(): Promise<void>;
}

export function keepDatabase(
  first: EmbeddedPostgres,
  dataDir: string,
  say: (line: string) => void,
): KeptDatabase {
  let current = first;
  let isStopping = false;
  let restarting: Promise<void> = Promise.resolve();

  async function bringBack(): Promise<string | null> {
    let problem = "";
    for (let attempt = 0; attempt < TRIES && !isStopping; attempt += 1) {
      try {
        const next = await startEmbedded({ dataDir, say });
        current = next;
        if (next.url !== first.url) return "its port was taken by another program meanwhile";
        say(`the embedded database is up again (process ${next.pid})`);
        return null;
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
      }
      await sleep(RETRY_MS);
    }
    return problem;
  }

  const lost = new Promise<string>((resolve) => {
    const watch = () => {
      void current.gone.then(() => {
        if (isStopping) return;
        say("the embedded database ended unexpectedly: starting it again");
        restarting = bringBack().then((problem) => {
          if (isStopping) return;
          if (problem === null) watch();
          else resolve(`the embedded database does not come back: ${problem}`);
        });
      });
    };
    watch();
  });

  return {
    lost,
    async stop() {
      isStopping = true;
      await restarting;
      await current.stop();
    },
  };
}
