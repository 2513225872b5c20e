/** Why a request waits, in one sentence (C-106, UI goal 17). */
import { momentText } from "../text/moment";
import { type Blocked, blockedBy, type Candidate, mayTake } from "./assign";

export interface Waiting {
  readonly code: "next" | "no-workers" | "not-its-worker" | "behind" | "pool" | Blocked;
  readonly sentence: string;
  /** The worker to look at, when there is one. */
  readonly worker: { readonly id: number; readonly name: string } | null;
  /** When it may be otherwise, milliseconds since the epoch; left out: when something happens. */
  readonly until?: number | null;
  /** The worker that rests until then after a fault. */
  readonly resting?: number;
  /** The pool to look at, when there is one. */
  readonly pool?: { readonly id: number; readonly name: string };
}

/** A pool that the builder may use, and what keeps it from being larger, the tightest first. */
export interface WaitingPool {
  readonly id: number;
  readonly name: string;
  readonly limits: readonly { readonly sentence: string; readonly until: number | null }[];
}

/**
 * @param ahead requests of the same builder that are served before this one
 * @param chosen the only worker that may take it, by name
 */
export function whyWaiting(
  workers: readonly Candidate[],
  ahead: number,
  now: number,
  chosen: string | null = null,
  pools: readonly WaitingPool[] = [],
): Waiting {
  if (chosen !== null) return whyChosen(workers, ahead, now, chosen);
  if (workers.length === 0 && pools.length === 0) {
    return { code: "no-workers", sentence: "The builder names no worker.", worker: null };
  }
  const blocked = workers.map((worker) => ({ worker, by: blockedBy(worker, now) }));
  const free = blocked.find(({ by }) => by === null)?.worker;
  if (free) {
    return ahead > 0
      ? { code: "behind", sentence: `${first(ahead)}.`, worker: null }
      : {
          code: "next",
          sentence: `${free.name} is free; the build starts next.`,
          worker: ref(free),
        };
  }
  // All else is ready for it.
  const locked = blocked.find(({ by }) => by === "locked")?.worker;
  if (locked) {
    const sentence = `It waits for ${locked.waitsFor}${behind(ahead)}.`;
    return { code: "locked", sentence, worker: blocked.length === 1 ? ref(locked) : null };
  }
  const limited = blocked.find(({ by }) => by === "limited")?.worker;
  if (limited) {
    const sentence = `No machine may be made for it now: ${limited.limit}${behind(ahead)}.`;
    return { code: "limited", sentence, worker: blocked.length === 1 ? ref(limited) : null };
  }
  if (pools.length > 0) return whyNoMachine(pools, ahead);
  const [only] = blocked;
  if (blocked.length === 1 && only?.by) {
    return {
      code: only.by,
      sentence: `${one(only.worker, only.by)}${behind(ahead)}.`,
      worker: ref(only.worker),
      ...(only.by === "quarantined" ? restOf(only.worker) : {}),
    };
  }
  const counts = new Map<Blocked, number>();
  for (const { by } of blocked) if (by) counts.set(by, (counts.get(by) ?? 0) + 1);
  // What would free up soonest names the reason: busy, then quarantined, then the rest.
  const order: Blocked[] = [
    "busy",
    "other-options",
    "quarantined",
    "draining",
    "paused",
    "unopened",
    "offline",
  ];
  const code = order.find((by) => counts.has(by)) ?? "offline";
  const parts = order
    .filter((by) => counts.has(by))
    .map((by) => `${counts.get(by)} ${WORDS[by] ?? by}${named(by)}`);
  function named(by: Blocked): string {
    const names = blocked.filter((each) => each.by === by).map(({ worker }) => worker.name);
    return by === "other-options" && names.length <= MOST_NAMES ? ` (${names.join(", ")})` : "";
  }
  return {
    code,
    sentence: `${workers.length} workers match: ${parts.join(", ")}${behind(ahead)}.`,
    worker: null,
    ...(code === "quarantined" ? firstBack(blocked) : {}),
  };
}

/** Nothing that is there can take it: what keeps its pools from having another machine. */
function whyNoMachine(pools: readonly WaitingPool[], ahead: number): Waiting {
  const open = pools.find(({ limits }) => limits.length === 0);
  if (open) {
    const sentence = `Pool ${open.name} makes a machine for it${behind(ahead)}.`;
    return { code: "pool", sentence, worker: null, pool: { id: open.id, name: open.name } };
  }
  const why = pools.map(({ name, limits }) => `pool ${name} ${limits[0]?.sentence}`).join("; ");
  const sentence = `No machine is free, and ${why}${behind(ahead)}.`;
  const [only, ...others] = pools;
  if (only === undefined || others.length > 0) return { code: "pool", sentence, worker: null };
  const until = only.limits[0]?.until ?? null;
  return { code: "pool", sentence, worker: null, until, pool: { id: only.id, name: only.name } };
}

const WORDS: Partial<Record<Blocked, string>> = {
  draining: "shutting down",
  unopened: "without a machine",
  "other-options": "with a machine that has other options",
};
const MOST_NAMES = 5;

/** Somebody chose its worker (`enforceChosenWorker`), so the others do not count. */
function whyChosen(
  workers: readonly Candidate[],
  ahead: number,
  now: number,
  chosen: string,
): Waiting {
  const worker = workers.find(({ name }) => name === chosen);
  if (!worker) {
    const sentence = `It asks for worker ${chosen}, which the builder does not name.`;
    return { code: "not-its-worker", sentence, worker: null };
  }
  const by = blockedBy(worker, now);
  if (by === null && ahead === 0) {
    const sentence = `It asks for ${chosen}, which is free; the build starts next.`;
    return { code: "next", sentence, worker: ref(worker) };
  }
  const state = by === null ? "is free" : is(worker, by);
  return {
    code: by ?? "behind",
    sentence: `It asks for ${chosen}, which ${state}${behind(ahead)}.`,
    worker: ref(worker),
    ...(by === "quarantined" ? restOf(worker) : {}),
  };
}

/**
 * The same from the side of one worker: why it does not take a request of its builder, in a sentence.
 *
 * @param ahead requests of the same builder that are served before this one
 * @param chosen the only worker that may take it, by name
 */
export function whyNotOn(
  worker: Candidate,
  ahead: number,
  now: number,
  chosen: string | null = null,
): string {
  if (!mayTake({ worker: chosen }, worker.name)) return `The request asks for ${chosen}.`;
  const by = blockedBy(worker, now);
  if (by === "busy" && worker.isPairBusy) {
    return "It runs a build of this builder, and takes one of each at a time.";
  }
  if (by === "busy") return `${places(worker)} taken.`;
  if (by === "locked") return `It is free; the build waits for ${worker.waitsFor}.`;
  if (by !== null) return `It ${is(worker, by)}.`;
  return ahead > 0 ? `It is free; ${first(ahead)}.` : "It is free: the build starts next.";
}

const places = ({ maxBuilds }: Candidate) =>
  maxBuilds === 1 ? "Its one place is" : `All ${maxBuilds} of its places are`;

const one = (worker: Candidate, by: Blocked) =>
  `Its only worker, ${worker.name}, ${is(worker, by)}`;

function is(worker: Candidate, by: Blocked): string {
  switch (by) {
    case "busy":
      return isComing(worker) ? "is busy with a build that waits for its machine" : "is busy";
    case "unopened":
      return "has no machine, and its pool makes none for it now";
    case "other-options":
      return "has a machine with other options than this build needs, until that one's builds are over";
    case "limited":
      return `has no machine and may get none: ${worker.limit}`;
    case "offline":
      return worker.latent?.state === "shut-down"
        ? "has had its machines let go for good (slipway machines resume)"
        : "is not connected";
    case "paused":
      return "is paused";
    case "draining":
      return "is shutting down";
    case "locked":
      return `is free, but the build waits for ${worker.waitsFor}`;
    case "quarantined":
      return `is in quarantine until ${momentText(worker.quarantinedUntil ?? 0)}`;
  }
}

/** Its machine is on its way, for builds that wait for it. */
const isComing = ({ latent }: Candidate) =>
  latent?.state === "substantiating" ||
  latent?.state === "starting" ||
  latent?.state === "resubstantiating";

const restOf = (worker: Candidate) => ({
  until: worker.quarantinedUntil,
  resting: worker.workerId as number,
});

/** Of several that rest: the one that is back first. */
function firstBack(blocked: readonly { worker: Candidate; by: Blocked | null }[]) {
  const [soonest] = blocked
    .filter(({ by }) => by === "quarantined")
    .map(({ worker }) => worker)
    .sort((a, b) => (a.quarantinedUntil ?? 0) - (b.quarantinedUntil ?? 0));
  return soonest ? restOf(soonest) : {};
}

const first = (ahead: number) =>
  ahead === 1
    ? "1 request of this builder goes first"
    : `${ahead} requests of this builder go first`;
const behind = (ahead: number) => (ahead > 0 ? `, and ${first(ahead)}` : "");
const ref = (worker: Candidate) => ({ id: worker.workerId, name: worker.name });
