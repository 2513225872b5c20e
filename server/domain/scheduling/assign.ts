/**
 * Who builds what next: pure, so that the distributor and the sentence on the screen agree.
 */

import type { BuilderId, BuildRequestId, SessionId, WorkerId } from "../ids";
import type { LatentState } from "../latent/state";
import { type LockAccess, LockBook, type LockGrant, strongest } from "../locks";
import { type Share, Turns } from "./fair";

/** Of a latent worker, what a claim has to know. */
export interface LatentCandidate {
  readonly id: number;
  readonly state: LatentState;
  /** Its machine has logged in and is there. */
  readonly isConnected: boolean;
  /** A build on its present machine has ended, and another may not have what that left (W-111). */
  readonly isUsed: boolean;
  /** Its present machine has done all that a machine of its pool may do. */
  readonly isWorn?: boolean;
  /** Its present machine was made with other options than are configured now (R8). */
  readonly isOutdated?: boolean;
  /** Somebody wanted another than its present machine, which is not stopped yet. */
  readonly isGivenUp?: boolean;
  /** What a machine is made with depends on the build that it is made for (W-120). */
  readonly templated?: {
    readonly config: unknown;
    /** Of the machine that the next build gets; null: that one is not ordered yet. */
    readonly hash: string | null;
  } | null;
  /** How many have wanted it. */
  readonly claims?: number;
  /** Builds that its next or present machine may have at a time, those that it had before left out; null: any. */
  readonly places?: number | null;
  readonly isPooled?: boolean;
  /** Of a pool's: false when no machine may be made for it now. */
  readonly isOpen?: boolean;
  readonly missingSeconds: number;
}

/** What the distributor knows of a worker that a builder names. */
export interface Candidate {
  readonly workerId: WorkerId;
  readonly name: string;
  readonly sessionId: SessionId | null;
  /** It needs no connection: a machine is made for the build. */
  readonly latent?: LatentCandidate | null;
  readonly isPaused: boolean;
  readonly isDraining: boolean;
  /** Milliseconds since the epoch; null when not in quarantine. */
  readonly quarantinedUntil: number | null;
  /** Null: no cap. */
  readonly maxBuilds: number | null;
  /** Places taken by unfinished builds. */
  readonly busySlots: readonly number[];
  /** It runs a build of this very builder (W-060: never two). */
  readonly isPairBusy: boolean;
  /** Locks that each build on it holds. */
  readonly locks?: readonly LockAccess[];
  /** What a build of the builder on it waits for: "lock db, held by runtests #12". */
  readonly waitsFor?: string | null;
  /** Its machine, there or on its way, has other options than this build needs (W-120). */
  readonly isMisfit?: boolean;
  /** The limit on machines that keeps it from having one, in words. */
  readonly limit?: string | null;
}

/** As long as builds run on its machine, or wait for one whose options are not known yet. */
const takesNoMore = (
  { isWorn, isOutdated, templated, state, places = null }: LatentCandidate,
  busy: number,
): boolean =>
  isWorn === true ||
  (isOutdated === true && state === "substantiated") ||
  templated?.hash === null ||
  (places !== null && busy >= places);

/** Its machine is, or is about to be, for builds whose options come to something else (W-120, R8). */
const isForOthers = ({ isOutdated, templated, state }: LatentCandidate): boolean =>
  (isOutdated === true && state === "substantiated") || templated?.hash === null;

/** limited: the organisation may have no more machines. unopened: its pool makes none for it now. */
export type Blocked =
  | "offline"
  | "paused"
  | "draining"
  | "quarantined"
  | "busy"
  | "limited"
  | "locked"
  | "unopened"
  | "other-options";

/** Why this worker cannot take a build of the builder now; null when it can (W-061). */
export function blockedBy(worker: Candidate, now: number): Blocked | null {
  if (worker.isPaused) return "paused";
  if (worker.latent?.state === "shut-down") return "offline";
  if (worker.sessionId === null && !worker.latent) return "offline";
  if (worker.isDraining) return "draining";
  if (worker.quarantinedUntil !== null && worker.quarantinedUntil > now) return "quarantined";
  if (worker.isPairBusy || freeSlot(worker.maxBuilds, worker.busySlots) === null) return "busy";
  const busy = worker.busySlots.length;
  if (busy > 0 && worker.latent && isForOthers(worker.latent)) return "other-options";
  if (busy > 0 && worker.latent && takesNoMore(worker.latent, busy)) return "busy";
  if (worker.limit) return "limited";
  if (worker.latent?.isOpen === false && needsMachine(worker)) return "unopened";
  if (worker.isMisfit && !mayGiveWay(worker)) return "other-options";
  return worker.waitsFor ? "locked" : null;
}

/** Whether a machine that is of no use to a build is replaced for it: it has no other one. */
export const mayGiveWay = ({ latent, busySlots }: Pick<Candidate, "latent" | "busySlots">) =>
  Boolean(latent && givesWay(latent, busySlots.length > 0));

/**
 * The lowest place not taken, or null when `max_builds` are. After `max_builds` was lowered, builds
 * may still be in places above it; they count.
 */
export function freeSlot(maxBuilds: number | null, busy: readonly number[]): number | null {
  const taken = new Set(busy);
  if (maxBuilds !== null && taken.size >= maxBuilds) return null;
  for (let slot = 1; maxBuilds === null || slot <= maxBuilds; slot += 1) {
    if (!taken.has(slot)) return slot;
  }
  return null;
}

export interface WaitingBuilder {
  readonly builderId: BuilderId;
  readonly name: string;
  /** Locks that each of its builds holds. */
  readonly locks?: readonly LockAccess[];
  /** In the order they are served: highest priority first, then oldest. */
  readonly requests: readonly {
    readonly id: BuildRequestId;
    readonly priority: number;
    readonly submittedAt: number;
    /** Name of the only worker that may take it; null or absent: any of the builder's. */
    readonly worker?: string | null;
  }[];
  /** In the order they are preferred. */
  readonly workers: readonly Candidate[];
  /** Of the pool with weights that its builds may use, if there is one. */
  readonly share?: Share | null;
}

type Chosen = LatentCandidate & {
  readonly needsAnother: boolean;
  /** The present machine is not for it even if it comes back. */
  readonly needsOther: boolean;
  /** Of those who want it from when it was seen on, so many may have it; null: any number. */
  readonly mostClaims: number | null;
};

/** Pairs of request and worker whose machine has other options than the build needs. */
export class Misfits {
  readonly #pairs = new Set<string>();

  add(requestId: BuildRequestId, workerId: WorkerId): void {
    this.#pairs.add(`${requestId} ${workerId}`);
  }

  has(requestId: BuildRequestId, workerId: WorkerId): boolean {
    return this.#pairs.has(`${requestId} ${workerId}`);
  }
}

export interface Assignment {
  readonly requestId: BuildRequestId;
  readonly builderId: BuilderId;
  readonly workerId: WorkerId;
  /** Null: the build waits for a machine. */
  readonly sessionId: SessionId | null;
  /** Of a latent worker, which is wanted with the claim. */
  readonly latent?: Chosen | null;
  readonly slot: number;
  /** Places of locks that the build holds from its claim on. */
  readonly locks: readonly LockGrant[];
}

interface Usable
  extends Pick<Candidate, "workerId" | "name">,
    Pick<Assignment, "sessionId" | "latent"> {
  readonly slot: number;
  readonly locks: readonly LockAccess[];
  readonly isBusy: boolean;
}

/** Workers that may take one of the builder's, in the order in which they are preferred. */
function usableOf(
  builder: WaitingBuilder,
  taken: ReadonlyMap<WorkerId, readonly number[]>,
  now: number,
): Usable[] {
  return byPacking(builder.workers, taken).flatMap((worker) => {
    const busySlots = [...worker.busySlots, ...(taken.get(worker.workerId) ?? [])];
    const slot = freeSlot(worker.maxBuilds, busySlots);
    const { workerId, name } = worker;
    const locks = locksOf(builder, worker);
    if (slot === null || blockedBy({ ...worker, busySlots }, now) !== null) return [];
    const isBusy = busySlots.length > 0;
    return [{ workerId, name, slot, locks, isBusy, ...machineOf(worker, isBusy) }];
  });
}

/** A builder while its requests are given out. */
class Entry {
  /** Those that had no turn yet. */
  readonly requests: WaitingBuilder["requests"][number][];
  readonly name: string;
  readonly share: Share | null;
  #usable: Usable[] | null = null;
  #seen = 0;
  readonly #took = new Set<WorkerId>();

  constructor(readonly builder: WaitingBuilder) {
    this.requests = [...builder.requests];
    this.name = builder.name;
    this.share = builder.share ?? null;
  }

  /** @param made how many assignments there are: what others took since is seen to */
  usable(made: number, find: () => Usable[]): Usable[] {
    if (this.#usable === null || this.#seen !== made) {
      this.#usable = find().filter(({ workerId }) => !this.#took.has(workerId));
      this.#seen = made;
    }
    return this.#usable;
  }

  /** A builder runs once per worker: whoever took one of its requests takes no other. */
  took(workerId: WorkerId, made: number): void {
    this.#took.add(workerId);
    this.#usable = this.#usable?.filter((worker) => worker.workerId !== workerId) ?? null;
    this.#seen = made;
  }
}

/**
 * Pairs of request and worker to claim now. Builders come by highest priority, then oldest
 * request, then name (C-100), or in turns where projects share a pool (K-040); a request without a usable worker does not hold up later ones. One that
 * lacks nothing but locks waits in their line, so that those after it do not pass it by.
 */
export function assign(
  builders: readonly WaitingBuilder[],
  now: number,
  book = new LockBook([]),
  misfits = new Misfits(),
): Assignment[] {
  const taken = new Map<WorkerId, number[]>();
  const assignments: Assignment[] = [];
  const entries = builders.map((builder) => new Entry(builder));
  new Turns(entries, byUrgency).each((entry) => {
    const { builder } = entry;
    const usable = entry.usable(assignments.length, () => usableOf(builder, taken, now));
    const request = usable.length === 0 ? undefined : entry.requests.shift();
    if (!request) return { isTaken: false, hasMore: false };
    const hasMore = entry.requests.length > 0;
    const able = usable.filter(
      ({ name, workerId, latent, isBusy }) =>
        mayTake(request, name) &&
        (!misfits.has(request.id, workerId) || (latent && givesWay(latent, isBusy))),
    );
    const answers = able.map((worker) => book.ask(worker.locks, lockWorker(worker)));
    const chosenAt = answers.findIndex((answer) => "granted" in answer);
    const [first] = able;
    const answer = answers[chosenAt];
    const chosen = able[chosenAt];
    if (!chosen || !answer || !("granted" in answer)) {
      if (first) book.wait(first.locks, lockWorker(first), builder.name);
      return { isTaken: false, hasMore };
    }
    const { workerId, slot } = chosen;
    const { sessionId, latent } = misfits.has(request.id, workerId) ? withOther(chosen) : chosen;
    taken.set(workerId, [...(taken.get(workerId) ?? []), slot]);
    const { builderId } = builder;
    const locks = answer.granted;
    book.take(locks, NOT_YET, builder.name);
    const place = { requestId: request.id, builderId, workerId, sessionId, slot, locks };
    assignments.push(latent ? { ...place, latent } : place);
    entry.took(workerId, assignments.length);
    return { isTaken: true, hasMore };
  });
  return assignments;
}

/**
 * Latent workers are packed: those that are there, then those on their way, then those for which a machine
 * is to be made, and each time the fullest first. Others, which cost nothing more, come before them and
 * as they were given.
 */
function byPacking(
  workers: readonly Candidate[],
  taken: ReadonlyMap<WorkerId, readonly number[]>,
): Candidate[] {
  const ranked = workers.map((worker) => {
    const busy = worker.busySlots.length + (taken.get(worker.workerId)?.length ?? 0);
    return { worker, rank: rankOf(worker, busy), fullness: worker.latent ? busy : 0 };
  });
  return ranked
    .sort((a, b) => a.rank - b.rank || b.fullness - a.fullness)
    .map(({ worker }) => worker);
}

function rankOf({ latent, busySlots }: Candidate, busy: number): number {
  if (!latent) return 0;
  if (latent.state === "substantiated" && latent.isConnected && !isSpent(latent, busySlots)) {
    return 1;
  }
  const isComing = latent.state !== "substantiated" && latent.state !== "insubstantiating";
  if (isComing && latent.state !== "insubstantiated") return 2;
  // Made for a build of this very round.
  if (busy > busySlots.length) return 2;
  return isComing ? 3 : 4;
}

/** Whether a build on it has a machine made first. */
export function needsMachine({ latent, busySlots }: Pick<Candidate, "latent" | "busySlots">) {
  if (!latent) return false;
  if (latent.state === "substantiated") return !latent.isConnected || isSpent(latent, busySlots);
  return latent.state === "insubstantiated" || latent.state === "insubstantiating";
}

const isSpent = (latent: LatentCandidate, busySlots: readonly number[]) =>
  hasHadEnough(latent) && busySlots.length === 0;

const hasHadEnough = ({ isUsed, isWorn, isOutdated, isGivenUp }: LatentCandidate) =>
  isUsed || isWorn === true || isOutdated === true || isGivenUp === true;

/**
 * Notes in the book whom the builders that are served before this one are about to make hold locks, and
 * who of them waits: what a request of this builder finds.
 */
export function bookBefore(
  builders: readonly WaitingBuilder[],
  builderId: BuilderId,
  now: number,
  book: LockBook,
): LockBook {
  const sorted = [...builders].sort(byUrgency);
  const at = sorted.findIndex((builder) => builder.builderId === builderId);
  assign(at < 0 ? [] : sorted.slice(0, at), now, book);
  return book;
}

/** The connection that a build on it has from its claim on, and what becomes of a latent one. */
function machineOf(
  { latent, sessionId, busySlots }: Candidate,
  isBusy: boolean,
): Pick<Assignment, "sessionId" | "latent"> {
  if (!latent) return { sessionId };
  const needsAnother = !latent.isConnected || (hasHadEnough(latent) && !isBusy);
  const isThere = latent.state === "substantiated" && !needsAnother;
  const needsOther = hasHadEnough(latent) && !isBusy;
  return {
    sessionId: isThere ? sessionId : null,
    latent: {
      ...latent,
      needsAnother,
      needsOther,
      mostClaims: mostClaims(latent, busySlots.length),
    },
  };
}

/** Options that depend on the build are known to the first; what had its last build is counted anew. */
function mostClaims({ templated, places = null }: LatentCandidate, busy: number): number | null {
  if (templated) return 1;
  return places === null ? null : Math.max(1, places - busy);
}

/** A machine that is of no use to a build is replaced when it has no other one. */
const givesWay = ({ state, isOpen }: LatentCandidate, isBusy: boolean) =>
  state === "substantiated" && !isBusy && isOpen !== false;

const withOther = ({
  latent,
}: Pick<Assignment, "latent">): Pick<Assignment, "sessionId" | "latent"> => ({
  sessionId: null,
  latent: latent ? { ...latent, needsAnother: true, needsOther: true } : null,
});

/** The number of a build that is not made yet. */
const NOT_YET = 0;

/** What a build of the builder on that worker holds, each lock once. */
export function locksOf(
  builder: { readonly locks?: readonly LockAccess[] },
  worker: Pick<Candidate, "locks">,
): LockAccess[] {
  return strongest([...(builder.locks ?? []), ...(worker.locks ?? [])]);
}

const lockWorker = ({
  workerId,
  name,
}: {
  readonly workerId: WorkerId;
  readonly name: string;
}) => ({
  id: workerId,
  name,
});

/** `enforceChosenWorker`: a request that names a worker is for that one. */
export function mayTake(request: { readonly worker?: string | null }, worker: string): boolean {
  return (request.worker ?? null) === null || request.worker === worker;
}

type Urgent = Pick<WaitingBuilder, "name" | "requests">;

function byUrgency(a: Urgent, b: Urgent): number {
  const [first, second] = [a.requests[0], b.requests[0]];
  if (!first || !second) return Number(!first) - Number(!second);
  return (
    second.priority - first.priority ||
    first.submittedAt - second.submittedAt ||
    a.name.localeCompare(b.name)
  );
}
