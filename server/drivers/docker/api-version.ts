/**
 * Which version of its API an engine is asked in, unless a worker says it: the newest that both know.
 * An engine asked in none takes its own newest, in which anything may be different one day. It is asked
 * for once, and again when it no longer takes what it took: somebody has replaced it.
 */
import type { Endpoint } from "./endpoint";
import { EngineRefusal } from "./errors";

/** What this driver was written for. */
const NEWEST = "1.51";

export interface Versions {
  readonly newest: string;
  readonly oldest: string | null;
}

const agreed = new WeakMap<Endpoint, string>();

/** @param look asks the engine, without a version; null: it answers nothing without one */
export async function versionFor(
  endpoint: Endpoint,
  look: () => Promise<Versions | null>,
): Promise<string> {
  const known = agreed.get(endpoint);
  if (known !== undefined) return known;
  const chosen = choose(await look());
  agreed.set(endpoint, chosen);
  return chosen;
}

/** @returns whether it was the version that was refused, so that it is worth to ask again */
export function isOutOfDate(endpoint: Endpoint, error: unknown): boolean {
  if (!(error instanceof EngineRefusal) || !REFUSED.test(error.message)) return false;
  return agreed.delete(endpoint);
}

const REFUSED = /client version [\d.]+ is too (old|new)/i;

export function choose(engine: Versions | null): string {
  if (engine === null || isAtLeast(engine.newest, NEWEST)) {
    // One that has forgotten what we know is spoken to as it likes best.
    const isForgotten = engine?.oldest != null && !isAtLeast(NEWEST, engine.oldest);
    return isForgotten ? engine.newest : NEWEST;
  }
  return engine.newest;
}

/** Whether one is as new as the other, or newer. */
function isAtLeast(one: string, other: string): boolean {
  const [major = 0, minor = 0] = one.split(".").map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split(".").map(Number);
  return major > otherMajor || (major === otherMajor && minor >= otherMinor);
}
