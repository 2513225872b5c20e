/**
 * Turns at a provider: how many calls for one account are under way at once, in this process. Two hundred
 * machines that are wanted in one moment are two hundred looks; without turns they would be as many calls
 * of one Docker daemon, and those of a daemon that hangs would be everybody's.
 *
 *  - Each account (one endpoint, one login) has three lanes, for starts, looks and
 *    stops. A stop never stands behind a start: a machine that is to go costs money.
 *  - Who finds no place stands in line: nothing of it waits in memory but who it is. Its row says why it
 *    waits and is looked at again anyway; when a place is free it is woken, and that place is kept for it
 *    until its look is over. Organisations that share an account take turns with each other.
 *  - A provider that asks for a pause (429 or 503 with Retry-After) has it, from starts and looks; a stop
 *    waits only when a stop was refused. After it, starts begin with half as many, and gain one with each
 *    that the provider takes.
 *
 * Each `jobs` process has turns of its own, as it has memory of its own: with three of them a provider
 * gets three times as many calls at most, and each learns of a pause by itself.
 */
import type { OrgId } from "../../domain/ids";
import { LONGEST_PAUSE_SECONDS } from "../../domain/latent";
import { secretsIn } from "../../domain/properties";
import type { LatentDriverKind } from "../../drivers/contract";
import { accountOf } from "../sweep/accounts";

export type Lane = "start" | "inspect" | "stop";

/** A few tens: more than a daemon works at side by side, fewer than drown it. */
const STARTS_AT_ONCE = 20;

export interface Account {
  readonly key: string;
  /** For a person. */
  readonly title: string;
  readonly startsAtOnce: number;
}

export interface Turn {
  /** How the provider took it; said more than once, the first counts. */
  end(wasTaken?: boolean): void;
}

/** Of nobody's account. */
export const FREE: Turn = { end() {} };

/** Why there is none, for a person. */
export interface NoTurn {
  readonly why: string;
}

export interface Asker {
  readonly orgId: OrgId;
  /** Tells one from another: nobody stands in one line twice. */
  readonly id: string;
  /** Called when it is its turn; settles when whoever was woken has had it, or did not want it any more. */
  readonly wake: () => Promise<void>;
}

export interface Clock {
  now(): number;
  later(ms: number, then: () => void): void;
}

const REAL_CLOCK: Clock = {
  now: Date.now,
  later: (ms, then) => void setTimeout(then, ms).unref(),
};

/** Where a machine with these options is; null: there is no such driver here, and so nothing to be called. */
export function accountFor(
  kinds: ReadonlyMap<string, LatentDriverKind>,
  { orgId, kind, config }: { orgId: OrgId; kind: string; config: unknown },
): Account | null {
  const account = accountOf(kinds, kind, config);
  if (account === null) return null;
  // The same name of a secret is another account in another organisation.
  const isOwn = secretsIn((config ?? {}) as never).length > 0;
  return {
    key: isOwn ? `${orgId} ${account.fingerprint}` : account.fingerprint,
    title: account.title,
    startsAtOnce: kinds.get(kind)?.startsAtOnce ?? STARTS_AT_ONCE,
  };
}

export class Turns {
  readonly #lines = new Map<string, Line>();

  constructor(private readonly clock: Clock = REAL_CLOCK) {}

  take(account: Account, lane: Lane, asker: Asker): Turn | NoTurn {
    return this.#line(account, lane).take(asker);
  }

  /** The provider wants to be left alone so long, as it said of a call in that lane. @returns until when */
  pause(account: Account, lane: Lane, seconds: number): number {
    const wanted = Math.min(Math.max(1, seconds), LONGEST_PAUSE_SECONDS);
    const until = this.clock.now() + wanted * 1_000;
    const lanes: Lane[] = lane === "stop" ? ["start", "inspect", "stop"] : ["start", "inspect"];
    for (const each of lanes) this.#line(account, each).pause(until);
    return until;
  }

  #line(account: Account, lane: Lane): Line {
    const key = `${lane} ${account.key}`;
    let line = this.#lines.get(key);
    if (!line) {
      const made = new Line(this.clock, account, lane, () => {
        if (this.#lines.get(key) === made) this.#lines.delete(key);
      });
      line = made;
      this.#lines.set(key, made);
    }
    return line;
  }
}

/** One lane of one account. It goes when nothing of it is left. */
class Line {
  #limit: number;
  #busy = 0;
  #pausedUntil = 0;
  readonly #most: number;
  /** Those that were woken: their places are counted as taken. */
  readonly #called = new Set<string>();
  /** By organisation, whoever came first; the organisation that had its turn goes to the end. */
  readonly #waiting = new Map<OrgId, Map<string, Asker>>();

  constructor(
    private readonly clock: Clock,
    private readonly account: Account,
    private readonly lane: Lane,
    private readonly over: () => void,
  ) {
    this.#most = account.startsAtOnce;
    this.#limit = this.#most;
  }

  take(asker: Asker): Turn | NoTurn {
    if (this.#called.delete(asker.id)) return this.#turn();
    const isPaused = this.#pausedUntil > this.clock.now();
    if (!isPaused && this.#waiting.size === 0 && this.#busy < this.#limit) {
      this.#busy += 1;
      return this.#turn();
    }
    const own = this.#waiting.get(asker.orgId) ?? new Map<string, Asker>();
    own.set(asker.id, asker);
    this.#waiting.set(asker.orgId, own);
    return { why: this.#why(isPaused) };
  }

  pause(until: number): void {
    if (until <= this.#pausedUntil) return;
    // Those that were under way say the same: that is one refusal.
    const isFirst = this.#pausedUntil <= this.clock.now();
    if (isFirst && this.lane === "start") this.#limit = Math.max(1, Math.floor(this.#limit / 2));
    this.#pausedUntil = until;
    this.#resumeAt(until);
  }

  #resumeAt(until: number): void {
    const ms = until - this.clock.now();
    // Timers are early now and then.
    if (ms > 0) this.clock.later(ms, () => this.#resumeAt(until));
    else this.#call();
  }

  #turn(): Turn {
    let isOver = false;
    return {
      end: (wasTaken = false) => {
        if (isOver) return;
        isOver = true;
        if (wasTaken) this.#limit = Math.min(this.#most, this.#limit + 1);
        this.#leave();
      },
    };
  }

  #leave(): void {
    this.#busy -= 1;
    this.#call();
  }

  #call(): void {
    if (this.#pausedUntil > this.clock.now()) return;
    while (this.#busy < this.#limit) {
      const next = this.#next();
      if (next === null) break;
      this.#busy += 1;
      this.#called.add(next.id);
      void next.wake().then(
        () => this.#passOn(next),
        () => this.#passOn(next),
      );
    }
    if (this.#busy === 0 && this.#waiting.size === 0 && this.#limit === this.#most) this.over();
  }

  /** It was woken and did not take its turn: another process has it, or nobody wants it any more. */
  #passOn({ id }: Asker): void {
    if (this.#called.delete(id)) this.#leave();
  }

  #next(): Asker | null {
    for (const [orgId, askers] of this.#waiting) {
      for (const [id, asker] of askers) {
        askers.delete(id);
        this.#waiting.delete(orgId);
        if (askers.size > 0) this.#waiting.set(orgId, askers);
        return asker;
      }
    }
    return null;
  }

  #why(isPaused: boolean): string {
    const { title } = this.account;
    if (isPaused) {
      const at = new Date(this.#pausedUntil).toISOString().slice(11, 19);
      return `${title} asked to be left alone until ${at} UTC`;
    }
    return `${this.#busy} ${WORDS[this.lane]} at ${title} already`;
  }
}

const WORDS: Readonly<Record<Lane, string>> = {
  start: "machines are being started",
  inspect: "machines are being looked at",
  stop: "machines are being stopped",
};
