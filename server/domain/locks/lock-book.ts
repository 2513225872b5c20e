/**
 * Who may have a lock (C-120 to C-123). A lock has numbered places, as many as its count: a counting
 * access takes the lowest that are free, an exclusive one takes all there ever were. Whoever was seen too
 * late wants a place that is taken by then, and so the database refuses him.
 *
 * First come, first served: who waits is counted as if he had what he waits for. So an exclusive access is
 * not passed by for ever, and who needs several takes all of them at once or none.
 */
import type { LockAccess } from "./access";

export interface LockState {
  readonly id: number;
  readonly kind: "MasterLock" | "WorkerLock";
  readonly name: string;
  readonly maxCount: number;
  /** Of a WorkerLock, by the worker's name. */
  readonly maxCountForWorker: Readonly<Record<string, number>>;
  /** The greatest count it ever had. */
  readonly places: number;
  readonly owners: readonly LockOwner[];
  /** In the order in which they came. */
  readonly waiters: readonly LockWaiter[];
}

export interface LockOwner {
  readonly scope: number;
  readonly place: number;
  readonly isExclusive: boolean;
  readonly buildId: number;
  /** Null: of the build. */
  readonly stepId: number | null;
  /** For a person: "runtests #12". */
  readonly holder: string;
}

export interface LockWaiter {
  readonly scope: number;
  readonly isExclusive: boolean;
  readonly count: number;
  readonly stepId: number | null;
  readonly holder: string;
}

export interface LockWorker {
  readonly id: number;
  readonly name: string;
}

/** Places to be taken. */
export interface LockGrant {
  readonly lockId: number;
  readonly scope: number;
  readonly places: readonly number[];
  readonly isExclusive: boolean;
}

/** Why something is not granted. */
export interface LockRefusal {
  readonly lock: string;
  /** "held by runtests #12", "wanted before by …". */
  readonly why: string;
}

export type LockAnswer =
  | { readonly granted: readonly LockGrant[] }
  | { readonly refused: LockRefusal };

interface Entry {
  readonly lock: LockState;
  readonly owners: LockOwner[];
  readonly waiters: LockWaiter[];
}

export class LockBook {
  readonly #entries: ReadonlyMap<string, Entry>;

  constructor(locks: readonly LockState[]) {
    this.#entries = new Map(
      locks.map((lock) => [
        lock.name,
        { lock, owners: [...lock.owners], waiters: [...lock.waiters] },
      ]),
    );
  }

  /**
   * What all of these take together on that worker; nothing is noted.
   * @param ofStep a step that waits already: only who came before it is ahead
   */
  ask(accesses: readonly LockAccess[], worker: LockWorker, ofStep?: number): LockAnswer {
    const granted: LockGrant[] = [];
    for (const access of accesses) {
      const entry = this.#entries.get(access.name);
      // A lock that is no more keeps nobody.
      if (!entry || (!access.isExclusive && access.count === 0)) continue;
      const scope = scopeOf(entry.lock, worker);
      const answer = askOne(entry, access, worker, scope, ofStep);
      if ("why" in answer) return { refused: { lock: access.name, why: answer.why } };
      granted.push({
        lockId: entry.lock.id,
        scope,
        places: answer.places,
        isExclusive: access.isExclusive,
      });
    }
    return { granted };
  }

  /** Another book with the same in it, to be written on by itself. */
  copy(): LockBook {
    return new LockBook(
      [...this.#entries.values()].map(({ lock, owners, waiters }) => ({
        ...lock,
        owners,
        waiters,
      })),
    );
  }

  /** Whether a build has it, for all of itself or for a step. */
  isHeldBy(name: string, buildId: number): boolean {
    return this.#entries.get(name)?.owners.some((owner) => owner.buildId === buildId) ?? false;
  }

  isHeldByStep(stepId: number): boolean {
    return [...this.#entries.values()].some(({ owners }) =>
      owners.some((owner) => owner.stepId === stepId),
    );
  }

  /** Those that were granted are held from here on. */
  take(grants: readonly LockGrant[], buildId: number, holder: string): void {
    for (const { lockId, scope, places, isExclusive } of grants) {
      const entry = [...this.#entries.values()].find(({ lock }) => lock.id === lockId);
      for (const place of places)
        entry?.owners.push({ scope, place, isExclusive, buildId, stepId: null, holder });
    }
  }

  /** Somebody waits for these: who comes after him does not pass him by. */
  wait(accesses: readonly LockAccess[], worker: LockWorker, holder: string): void {
    for (const { name, isExclusive, count } of accesses) {
      const entry = this.#entries.get(name);
      if (!entry) continue;
      const scope = scopeOf(entry.lock, worker);
      entry.waiters.push({ scope, isExclusive, count, stepId: null, holder });
    }
  }
}

function askOne(
  { lock, owners, waiters }: Entry,
  access: LockAccess,
  worker: LockWorker,
  scope: number,
  ofStep: number | undefined,
): { readonly places: readonly number[] } | { readonly why: string } {
  const held = owners.filter((owner) => owner.scope === scope);
  const inLine = waiters.filter((waiter) => waiter.scope === scope);
  const own = inLine.findIndex(({ stepId }) => ofStep !== undefined && stepId === ofStep);
  const ahead = own < 0 ? inLine : inLine.slice(0, own);
  if (access.isExclusive) {
    if (held.length > 0) return { why: heldBy(held) };
    if (ahead.length > 0) return { why: wantedBy(ahead) };
    return { places: numbers(lock.places) };
  }
  if (held.some(({ isExclusive }) => isExclusive)) return { why: heldBy(held) };
  if (ahead.some(({ isExclusive }) => isExclusive)) return { why: wantedBy(ahead) };
  const most = mostOn(lock, worker);
  const wanted = ahead.reduce((sum, { count }) => sum + count, 0);
  if (held.length + access.count > most) return { why: heldBy(held) };
  if (held.length + wanted + access.count > most) return { why: wantedBy(ahead) };
  const taken = new Set(held.map(({ place }) => place));
  const free = numbers(most).filter((place) => !taken.has(place));
  return { places: free.slice(0, access.count) };
}

export function mostOn(
  lock: Pick<LockState, "kind" | "maxCount" | "maxCountForWorker">,
  worker: Pick<LockWorker, "name">,
): number {
  if (lock.kind === "MasterLock") return lock.maxCount;
  const own = Object.hasOwn(lock.maxCountForWorker, worker.name)
    ? lock.maxCountForWorker[worker.name]
    : undefined;
  return own ?? lock.maxCount;
}

function scopeOf(lock: LockState, worker: LockWorker): number {
  return lock.kind === "MasterLock" ? 0 : worker.id;
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

const heldBy = (owners: readonly LockOwner[]) =>
  owners.length === 0
    ? "which has not so many counts"
    : `held by ${some(owners.map(({ holder }) => holder))}`;

const wantedBy = (waiters: readonly LockWaiter[]) =>
  `which ${some(waiters.map(({ holder }) => holder))} waited for before`;

function some(names: readonly string[]): string {
  const [first = "", ...others] = [...new Set(names)];
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
