/** Rounds of builds, in each of which one process is killed at some moment. */
import { setTimeout as sleep } from "node:timers/promises";
import type { SeededRandom } from "../support/seeded-random";
import type { ProcessName } from "../support/slipway-instance";
import type { Storm } from "./storm";

export interface Rounds {
  readonly rounds: number;
  readonly builds: number;
  readonly victims: readonly ProcessName[];
  /** The latest moment of the kill, from the first request. */
  readonly withinMs: number;
  readonly random: SeededRandom;
  readonly say: (line: string) => void;
  /** Settles when there is something to be killed in the middle of; the moment counts from then. */
  readonly begun?: (round: number) => Promise<unknown>;
  /** What is told of the moment before the kill. */
  readonly seen?: () => Promise<string>;
}

/** @returns the ids of all requests made */
export async function killRounds(storm: Storm, options: Rounds): Promise<number[]> {
  const { random, say } = options;
  const all: number[] = [];
  let turn: ProcessName[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    // Each has its turn before one is killed again.
    if (turn.length === 0) turn = [...options.victims];
    const [victim] = turn.splice(random.below(turn.length), 1) as [ProcessName];
    const afterMs = random.below(options.withinMs);
    const from = performance.now();
    const requests = storm.requestMany(options.builds, `round-${round}`);
    await options.begun?.(round);
    await sleep(afterMs);
    const seen = await options.seen?.();
    const pid = storm.slipway.kill(victim);
    if (victim === "supervisor") {
      // The installation ends; whoever runs it starts it again.
      await storm.slipway.exited();
      await storm.slipway.startAgain();
    }
    const ids = await requests;
    await storm.complete(ids);
    all.push(...ids);
    const seconds = ((performance.now() - from) / 1_000).toFixed(1);
    const words = [`round ${round}: ${victim} (${pid ?? "was not running"}) after ${afterMs} ms`];
    say([...words, ...(seen ? [seen] : []), `${seconds} s`].join("; "));
  }
  return all;
}

/** From STORM_SEED in the environment of the run, or new; to be printed. */
export function seedOf(text: string | undefined): number {
  return text ? Number(text) : Math.floor(Math.random() * 2 ** 31);
}
