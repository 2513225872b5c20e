/**
 * Logins that failed, by where they came from (W-008). Whoever fails too often is not looked at for a
 * moment: not the password, not even the name. Only failures count, so that a thousand workers behind
 * one address may all come at once; and one of them that is wrong keeps out neither the others nor, for
 * longer than a few seconds, itself.
 *
 * Each failure fills a bucket that leaks: one for each name of an address, and a larger one for the
 * address, which does not count for names that have logged in from there before.
 */
import { networkOf } from "../../domain/addresses";

export interface FailureLimits {
  /** Failures at once, and how many a minute for ever. */
  readonly perName: number;
  readonly perAddress: number;
  /** Names and addresses remembered; those not seen for longest are forgotten. */
  readonly maxRemembered: number;
}

const LIMITS: FailureLimits = { perName: 10, perAddress: 300, maxRemembered: 20_000 };
const MINUTE_MS = 60_000;

interface Bucket {
  failures: number;
  at: number;
}

export class FailedLogins {
  readonly #now: () => number;
  readonly #limits: FailureLimits;
  readonly #buckets = new Map<string, Bucket>();
  /** Names that have logged in, each with its address. */
  readonly #known = new Map<string, true>();

  constructor(now: () => number, limits: FailureLimits = LIMITS) {
    this.#now = now;
    this.#limits = limits;
  }

  /** Why this login is not looked at; null: it is. */
  problem(address: string, loginName: string): string | null {
    const { perName, perAddress } = this.#limits;
    const pair = pairOf(address, loginName);
    if (this.#failures(pair, perName) > perName - 1) {
      return `more than ${perName} failed logins a minute as ${loginName} from there`;
    }
    if (this.#known.has(pair)) return null;
    return this.#failures(networkOf(address), perAddress) > perAddress - 1
      ? `more than ${perAddress} failed logins a minute from there`
      : null;
  }

  failed(address: string, loginName: string): void {
    const { perName, perAddress } = this.#limits;
    this.#fill(pairOf(address, loginName), perName);
    this.#fill(networkOf(address), perAddress);
  }

  succeeded(address: string, loginName: string): void {
    const pair = pairOf(address, loginName);
    this.#buckets.delete(pair);
    this.#remember(this.#known, pair, true);
  }

  /** How many names and addresses are remembered. */
  get size(): number {
    return this.#buckets.size + this.#known.size;
  }

  #failures(key: string, perMinute: number): number {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) return 0;
    const leaked = ((this.#now() - bucket.at) / MINUTE_MS) * perMinute;
    return Math.max(0, bucket.failures - leaked);
  }

  #fill(key: string, perMinute: number): void {
    const failures = Math.min(perMinute, this.#failures(key, perMinute) + 1);
    this.#remember(this.#buckets, key, { failures, at: this.#now() });
  }

  #remember<V>(map: Map<string, V>, key: string, value: V): void {
    map.delete(key);
    map.set(key, value);
    for (const oldest of map.keys()) {
      if (map.size <= this.#limits.maxRemembered) break;
      map.delete(oldest);
    }
  }
}

/** A name of any length, in little. */
const pairOf = (address: string, loginName: string) =>
  `${networkOf(address)} ${loginName.slice(0, 120)}`;
