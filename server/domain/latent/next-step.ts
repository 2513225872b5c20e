/**
 * What is to be done for a latent worker now: a pure function of what is known of it, so that whoever
 * looks, after whatever was lost, comes to the same step. Who does it writes first that it is being
 * done, then does it, then looks again.
 */
import { ADVICE_SILENT } from "./advice";
import type { Failure } from "./failure";
import { END_SECONDS, type LatentOptions, LOST_SECONDS, RETURN_SECONDS } from "./options";
import type { InstanceState, LatentState } from "./state";

/** Times are milliseconds since the epoch, all by one clock. */
export interface LatentFacts {
  readonly now: number;
  readonly state: LatentState;
  /** When it came into that state. */
  readonly since: number;
  readonly options: LatentOptions;
  /** Removed from the configuration, or the installation is shut down for good. */
  readonly isEnding: boolean;
  readonly isConnected: boolean;
  /** Its connection takes builds: nobody asked it to end, and the process that holds it lives. */
  readonly isTaking: boolean;
  /** Its machine goes when its builds are over, and comes not back. */
  readonly isDraining: boolean;
  /** When its last connection ended; null while there is one, and when there never was. */
  readonly lostAt: number | null;
  /** That connection ended because our process did. */
  readonly isLostByUs: boolean;
  /** By when its machine must have logged in; null: at no time. */
  readonly missingAt: number | null;
  /** The provider has said that it is being made. */
  readonly isStartAnswered: boolean;
  /** When the machine was last looked at, or the provider answered. */
  readonly checkedAt: number | null;
  /** Builds that wait for its machine, and that nobody wants stopped. */
  readonly waiting: number;
  /** Builds that have it. */
  readonly running: number;
  /** When the last of those ended. */
  readonly idleSince: number | null;
  /** Of its present machine; null when it has none. */
  readonly instance: InstanceState | null;
  /** Since when the provider does not list that machine; null: it does. */
  readonly unlistedAt: number | null;
  /** Its provider has said by itself that it ended, and was not asked since; absent: it has not. */
  readonly isSaidToEnd?: boolean;
  /** Somebody wants that machine stopped now: who, and why. */
  readonly stopAsked: string | null;
  /** When that machine takes no new builds any more, and when those it has are ended; null: never. */
  readonly expiresAt: number | null;
  readonly endsAt: number | null;
  /** It was made with other options than are configured now (R8). */
  readonly isOutdated: boolean;
  /** Those who wait need another one: it has other options (W-120), or had its builds. */
  readonly needsOther: boolean;
  /** Builds that have it and were not told to stop. */
  readonly unstopped: number;
  /** A start that came to nothing, and whose builds were not told yet. */
  readonly failure: Failure | null;
  /** Of a pool's worker; absent for others. */
  readonly pool?: PoolWish | null;
}

/** What a pool wants of one of its workers beside what builds want of it. */
export interface PoolWish {
  /** It is to have a machine although no build wants it. */
  readonly isWished: boolean;
  /** Why it is to have none that no build has; null: it may. */
  readonly unwelcome: string | null;
  /** Why its machine takes no more builds; null: it does. */
  readonly worn: string | null;
  /** When its machine takes no more builds, whatever it did; null: at no time. */
  readonly wornAt: number | null;
}

export type LatentStep =
  | { readonly do: "wait"; readonly until: number | null }
  | { readonly do: "start" | "inspect" | "stop" }
  /** Its machine is there: those who wait may have it. */
  | { readonly do: "attached" | "release" }
  /** `isItsFault`: the worker rests after it. */
  | { readonly do: "fail"; readonly failure: Failure; readonly isItsFault?: boolean }
  | { readonly do: "tell" }
  | { readonly do: "let-go" | "renew"; readonly reason: string }
  /** It gets no new builds; those it has are told to stop. */
  | { readonly do: "drain" | "end-builds"; readonly reason: string }
  /** Nobody waits for another machine than it has any more. */
  | { readonly do: "keep" }
  | { readonly do: "want" | "forget" | "stopped" | "end" | "revive"; readonly reason: string };

export function nextStep(facts: LatentFacts): LatentStep {
  if (facts.failure) return { do: "tell" };
  switch (facts.state) {
    case "insubstantiated":
      return atRest(facts);
    case "substantiating":
    case "starting":
      return onTheWay(facts);
    case "substantiated":
      return facts.isConnected ? connected(facts) : lost(facts);
    case "insubstantiating":
    case "resubstantiating":
      return stopping(facts);
    case "shut-down":
      return shutDown(facts);
  }
}

const isWished = ({ pool }: LatentFacts) => pool?.isWished === true && pool.unwelcome === null;

function atRest(facts: LatentFacts): LatentStep {
  if (facts.isEnding) return { do: "end", reason: "it is not to run any more" };
  if (facts.waiting > 0) return { do: "want", reason: "a build waits for it" };
  if (isWished(facts)) return { do: "want", reason: "its pool keeps machines ready" };
  return { do: "wait", until: null };
}

function onTheWay(facts: LatentFacts): LatentStep {
  const { now, state, missingAt, options } = facts;
  if (facts.isEnding) return { do: "let-go", reason: "it is not to run any more" };
  if (facts.stopAsked !== null) return stoppedOnTheWay(facts, facts.stopAsked);
  const mayBeAttached = state === "starting" || options.buildWaitTimeout < 0;
  if (facts.isConnected && mayBeAttached) return { do: "attached" };
  if (facts.waiting === 0 && !isWished(facts)) {
    return { do: "let-go", reason: "nobody waits for it any more" };
  }
  if (missingAt !== null && missingAt <= now) {
    const reason = `its machine did not log in within ${options.missingTimeout} s`;
    return { do: "fail", failure: { verdict: "transient", reason, advice: ADVICE_SILENT } };
  }
  if (state === "substantiating" || !facts.isStartAnswered) return { do: "start" };
  const checkAt = nextCheck(facts, facts.since);
  if (checkAt <= now || isDoubtful(facts)) return { do: "inspect" };
  return { do: "wait", until: Math.min(checkAt, missingAt ?? checkAt) };
}

/** A machine that nobody's failure ended: who waits for it waits for the next, and it need not rest. */
function stoppedOnTheWay({ waiting }: LatentFacts, reason: string): LatentStep {
  if (waiting === 0) return { do: "let-go", reason };
  return { do: "fail", failure: { verdict: "transient", reason }, isItsFault: false };
}

/**
 * The provider does not list its machine, or says that it ended: it is asked after it by name before
 * anything is believed.
 */
const isDoubtful = ({ unlistedAt, checkedAt, isSaidToEnd }: LatentFacts) =>
  isSaidToEnd || (unlistedAt !== null && (checkedAt === null || checkedAt < unlistedAt));

function connected(facts: LatentFacts): LatentStep {
  if (facts.isEnding) return { do: "let-go", reason: "it is not to run any more" };
  const ended = endOf(facts);
  if (ended) return ended;
  if (facts.waiting > 0) {
    const reason =
      wornOut(facts) ??
      (facts.options.buildWaitTimeout === 0
        ? "each build has a machine of its own"
        : "its next build needs another machine");
    if (isUsedUp(facts)) return { do: "renew", reason };
    // Those that have it come to their end first; and one whose connection is about to end comes back.
    if (facts.needsOther || !facts.isTaking) return { do: "wait", until: nextLimit(facts) };
    return { do: "release" };
  }
  if (facts.needsOther) return { do: "keep" };
  if (facts.running > 0) return { do: "wait", until: nextLimit(facts) };
  if (facts.isDraining) return { do: "let-go", reason: "it was to go when its builds were over" };
  return whenIdle(facts, facts.expiresAt);
}

/**
 * W-144. A machine that has lived its time takes no new builds, and is stopped when those it has are over.
 * They have a while for that; then they are told to stop, and a little later it goes whatever they do.
 */
function endOf(facts: LatentFacts): LatentStep | null {
  const { now, stopAsked, expiresAt, endsAt, isDraining, waiting, running, unstopped } = facts;
  const go = (reason: string): LatentStep => ({ do: waiting > 0 ? "renew" : "let-go", reason });
  if (stopAsked !== null) return go(stopAsked);
  if (endsAt !== null && endsAt <= now) {
    if (running > 0 && unstopped > 0) return { do: "end-builds", reason: TOO_LONG };
    if (running === 0 || endsAt + END_SECONDS * 1_000 <= now) return go(TOO_LONG);
  }
  if (expiresAt !== null && expiresAt <= now && !isDraining) {
    return { do: "drain", reason: "its machine has lived its max_lifetime" };
  }
  return null;
}

const TOO_LONG = "its machine has outlived its max_lifetime and max_lifetime_grace";

function nextLimit({ now, expiresAt, endsAt }: LatentFacts): number | null {
  const ends = endsAt === null ? [] : [endsAt, endsAt + END_SECONDS * 1_000];
  const coming = [...(expiresAt === null ? [] : [expiresAt]), ...ends].filter((at) => at > now);
  return coming.length === 0 ? null : Math.min(...coming);
}

/**
 * Its builds have ended by themselves, or wait for it to come back. The provider is asked at once
 * whether there is still a machine that could (K-035).
 */
function lost(facts: LatentFacts): LatentStep {
  const { lostAt, since, now } = facts;
  if (facts.isEnding) return { do: "let-go", reason: "it is not to run any more" };
  const ended = endOf(facts);
  if (ended) return ended;
  // T2d, unless a build has the machine still: its worker keeps it, and carries it on when it comes back.
  if (facts.waiting > 0 && facts.running === 0) {
    // Nor when nothing is wrong with the machine: it comes back to whoever has the doors now.
    const backBy = (lostAt ?? since) + RETURN_SECONDS * 1_000;
    if (facts.isLostByUs && !facts.needsOther && now < backBy) return { do: "wait", until: backBy };
    return { do: "renew", reason: "its machine has lost its connection" };
  }
  if (facts.isDraining && facts.running === 0) {
    return { do: "let-go", reason: "its machine was asked to go" };
  }
  if (isDoubtful(facts)) return { do: "inspect" };
  const goneAt = (lostAt ?? since) + LOST_SECONDS * 1_000;
  if (goneAt <= now) {
    const reason = `its machine did not come back within ${LOST_SECONDS} s`;
    return { do: facts.waiting > 0 ? "renew" : "let-go", reason };
  }
  const idle = facts.running > 0 ? null : whenIdle(facts, goneAt);
  if (idle !== null && idle.do !== "wait") return idle;
  const checkAt = (facts.checkedAt ?? 0) < (lostAt ?? since) ? now : nextCheck(facts, now);
  if (checkAt <= now) return { do: "inspect" };
  return { do: "wait", until: Math.min(checkAt, idle?.until ?? goneAt) };
}

const nextCheck = ({ checkedAt, options }: LatentFacts, otherwise: number) =>
  (checkedAt ?? otherwise) + options.checkInstanceInterval * 1_000;

/** W-111: its build has ended, and at 0 no other one gets what that left. */
function isUsedUp(facts: LatentFacts): boolean {
  const { options, running, idleSince, since } = facts;
  if (running > 0) return false;
  if (wornOut(facts) !== null || facts.needsOther) return true;
  return options.buildWaitTimeout === 0 && idleSince !== null && idleSince >= since;
}

function wornOut({ pool, now }: LatentFacts): string | null {
  if (!pool) return null;
  if (pool.worn !== null) return pool.worn;
  return pool.wornAt !== null && pool.wornAt <= now
    ? "its time as a machine of its pool is over"
    : null;
}

/** W-110 and W-111. */
function whenIdle(facts: LatentFacts, atTheLatest: number | null): LatentStep {
  const { options, now, since, idleSince } = facts;
  const seconds = options.buildWaitTimeout;
  const over =
    facts.pool?.unwelcome ??
    wornOut(facts) ??
    (facts.isOutdated ? "its options have changed since it was made" : null);
  if (over !== null) return { do: "let-go", reason: over };
  const limits = [atTheLatest, facts.pool?.wornAt ?? null].filter((at) => at !== null);
  const limit = limits.length > 0 ? Math.min(...limits) : null;
  if (seconds < 0 || (isWished(facts) && !isUsedUp(facts))) return { do: "wait", until: limit };
  const until = Math.max(since, idleSince ?? since) + seconds * 1_000;
  if (until > now) return { do: "wait", until: Math.min(until, limit ?? until) };
  const reason =
    seconds === 0 ? "each build has a machine of its own" : `it was not needed for ${seconds} s`;
  return { do: "let-go", reason };
}

function stopping(facts: LatentFacts): LatentStep {
  const { state, waiting, instance } = facts;
  // They need not wait for the end of a machine that is none of theirs.
  if (facts.isEnding && waiting > 0) return { do: "fail", failure: SHUT_DOWN };
  if (state === "resubstantiating" && waiting === 0 && !isWished(facts)) {
    return { do: "forget", reason: "nobody waits for it any more" };
  }
  if (instance !== null && instance !== "gone") return { do: "stop" };
  return { do: "stopped", reason: "its machine is gone" };
}

function shutDown({ isEnding, waiting }: LatentFacts): LatentStep {
  if (!isEnding) return { do: "revive", reason: "it may run again" };
  if (waiting === 0) return { do: "wait", until: null };
  return { do: "fail", failure: SHUT_DOWN };
}

const SHUT_DOWN: Failure = { verdict: "transient", reason: "it is shut down" };
