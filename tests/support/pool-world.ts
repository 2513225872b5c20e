/**
 * A pool in a world of its own, with a clock that jumps from one thing that happens to the next: a fake
 * cloud with starts that take a while or come to nothing, builds with lengths of their own. What is decided
 * in it is decided by the product's own functions: `limitsOf`, `foresee`, `planPool`, `judge`, `assign` and
 * `nextStep`; only the rows that they are told of are kept here in memory, and written as the statements do.
 *
 *     const world = new PoolWorld({ options: { maxWorkers: 5 }, seed: 1, … });
 *     world.at(0, () => world.ask(builder));
 *     world.run();
 *     expect(world.faults).toEqual([]);
 */
import type { BuilderId, BuildRequestId, PoolId, WorkerId } from "../../server/domain/ids";
import { type LatentFacts, type LatentState, next, nextStep } from "../../server/domain/latent";
import { LockBook } from "../../server/domain/locks";
import {
  foresee,
  judge,
  limitsOf,
  type Place,
  POOL_DEFAULTS,
  type PooledBuilder,
  type PoolFacts,
  type PoolOptions,
  type PoolRow,
  planPool,
  roomOf,
  sizeOf,
} from "../../server/domain/pools";
import { assign, type Candidate, needsMachine } from "../../server/domain/scheduling";
import { type SeededRandom, seededRandom } from "./seeded-random";

export interface WorldOptions {
  readonly seed: number;
  readonly options: Partial<PoolOptions>;
  readonly builders: number;
  /** Of one machine, in milliseconds. */
  readonly startMs: (random: SeededRandom) => number;
  readonly stopMs: (random: SeededRandom) => number;
  /** Whether a start comes to nothing. */
  readonly fails?: (world: PoolWorld) => boolean;
}

interface Request {
  readonly id: BuildRequestId;
  readonly builder: number;
  readonly at: number;
  readonly ms: number;
  ends: number;
}

interface Row {
  readonly id: WorkerId;
  readonly number: number;
  state: LatentState;
  since: number;
  generation: number;
  machine: "starting" | "running" | "stopping" | null;
  isStartAnswered: boolean;
  missingAt: number | null;
  waiting: Request[];
  running: Request[];
  idleSince: number | null;
  buildsOnMachine: number;
  isOpen: boolean;
  isWished: boolean;
  quarantinedUntil: number | null;
  faults: number;
  hasFailed: boolean;
  lookAt: number | null;
}

const POOL = 1 as PoolId;
const MISSING_SECONDS = 1_200;
const FORESEEN = 200;

export class PoolWorld {
  now = 0;
  readonly faults: string[] = [];
  readonly rows: Row[] = [];
  /** When machines were asked for. */
  readonly starts: number[] = [];
  finished = 0;
  asked = 0;
  most = 0;
  /** How often it was looked at. */
  rounds = 0;
  /** Milliseconds between request and machine, all together. */
  waited = 0;
  options: PoolOptions;
  steering: PoolFacts["steering"] = null;
  limits: readonly string[] = [];
  readonly random: SeededRandom;
  #pending = new Map<number, Request[]>();
  #backoff = { until: null as number | null, count: 0, code: null as string | null, reason: "" };
  #ends: { at: number; asked: number; isFailed: boolean }[] = [];
  #judgedSince = 0;
  readonly #wakes = new Set<number>();
  /** A worker has moved on so that requests may find one: the distributor is to look again. */
  #isWoken = false;
  readonly #heap: { at: number; order: number; act: () => void }[] = [];
  #order = 0;

  constructor(readonly world: WorldOptions) {
    this.random = seededRandom(world.seed);
    this.options = { ...POOL_DEFAULTS, ...world.options };
  }

  get pending(): number {
    let count = 0;
    for (const requests of this.#pending.values()) count += requests.length;
    return count;
  }

  at(at: number, act: () => void): void {
    const heap = this.#heap;
    heap.push({ at, order: this.#order++, act });
    for (let index = heap.length - 1; index > 0; ) {
      const parent = (index - 1) >> 1;
      if (!isBefore(heap[index], heap[parent])) break;
      [heap[index], heap[parent]] = [heap[parent] as Event, heap[index] as Event];
      index = parent;
    }
  }

  /** A request of the builder for a build of this length. */
  ask(builder: number, ms: number): void {
    const id = ++this.asked as BuildRequestId;
    const queue = this.#pending.get(builder) ?? [];
    this.#pending.set(builder, queue);
    queue.push({ id, builder, at: this.now, ms, ends: 0 });
  }

  /** Until nothing happens any more. */
  run(until = Number.POSITIVE_INFINITY): void {
    for (;;) {
      const event = this.#heap[0];
      if (!event || event.at > until) return;
      this.#pop();
      if (event.at < this.now) this.faults.push("time goes backwards");
      this.now = event.at;
      event.act();
      // What happens at one moment is seen together.
      if (this.#heap[0]?.at === this.now) continue;
      this.#giveOut();
    }
  }

  #wakeAt(at: number): void {
    if (this.#wakes.has(at)) return;
    this.#wakes.add(at);
    this.at(at, () => this.#wakes.delete(at));
  }

  get machines(): number {
    return this.rows.filter(({ machine }) => machine !== null).length;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let index = 0; ; ) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      let least = index;
      if (left < heap.length && isBefore(heap[left], heap[least])) least = left;
      if (right < heap.length && isBefore(heap[right], heap[least])) least = right;
      if (least === index) return;
      [heap[index], heap[least]] = [heap[least] as Event, heap[index] as Event];
      index = least;
    }
  }

  #giveOut(): void {
    for (;;) {
      this.rounds += 1;
      this.#tend();
      const claimed = this.#distribute();
      this.#isWoken = false;
      for (const row of this.rows) this.#see(row);
      if (claimed === 0 && !this.#isWoken) break;
    }
    this.#check();
  }

  // -------------------------------------------------------------- sizing, as engine/pools/tend.ts

  #tend(): void {
    this.#judge();
    const facts = this.#facts();
    const limits = limitsOf(facts);
    const pool = { id: POOL, name: "pool", maxBuilds: this.options.maxBuildsPerWorker, locks: [] };
    const builders = this.#builders((worker) => !needsMachine(worker));
    const book = new LockBook([]);
    const room = Math.min(FORESEEN, roomOf(limits));
    const within = foresee(builders, [{ ...pool, room }], this.now, book);
    const wanted =
      builders.length === 0
        ? within
        : foresee(builders, [{ ...pool, room: FORESEEN }], this.now, book);
    const isFree = (id: number) =>
      (this.rows[id - 1]?.running.length ?? 0) + (this.rows[id - 1]?.waiting.length ?? 0) === 0;
    const plan = planPool(facts, {
      queue: this.pending,
      fresh: within.fresh.get(POOL) ?? 0,
      wanted: wanted.fresh.get(POOL) ?? 0,
      taken: new Set([...within.taken].filter(isFree)),
    });
    this.limits = plan.figures.limits.map(({ code }) => code);
    const open = new Set(plan.open.map((place) => this.#place(place)));
    const wish = new Set(plan.wish.map((place) => this.#place(place)));
    for (const row of this.rows) {
      row.isOpen = open.has(row) && !wish.has(row);
      row.isWished = wish.has(row);
    }
    if (plan.until !== null && plan.until > this.now) this.#wakeAt(plan.until);
  }

  #judge(): void {
    const ended = this.#ends
      .filter(({ at, asked }) => at > this.now - 600_000 && asked >= this.#judgedSince)
      .slice(-20);
    const failed = ended.filter(({ isFailed }) => isFailed).length;
    const starts = { attached: ended.length - failed, failed, code: null, reason: "it fell over" };
    const change = judge(starts, this.#backoff.count);
    if (change === null) return;
    this.#judgedSince = this.now;
    this.#backoff =
      change === "over"
        ? { until: null, count: 0, code: null, reason: "" }
        : { until: this.now + change.seconds * 1_000, ...change };
    this.#ends = [];
  }

  #facts(): PoolFacts {
    const onTheWay = (states: LatentState[]) =>
      this.rows.filter(({ state }) => states.includes(state)).length;
    while ((this.starts[0] ?? this.now) < this.now - 60_000 && this.options.scaleUpRate === null) {
      this.starts.shift();
    }
    return {
      now: this.now,
      isJoined: false,
      options: this.options,
      steering: this.steering,
      backoff:
        this.#backoff.until === null
          ? null
          : {
              until: this.#backoff.until,
              code: null,
              reason: this.#backoff.reason,
              onTrial: onTheWay(["substantiating", "starting", "resubstantiating"]),
            },
      starts:
        this.options.scaleUpRate === null ? [] : this.starts.filter((at) => at > this.now - 60_000),
      wanted: onTheWay(["substantiating", "resubstantiating"]),
      budget: null,
      organization: null,
      rows: this.rows.map(
        (row): PoolRow => ({
          workerId: row.id,
          number: row.number,
          state: row.state,
          isJoined: false,
          isConnected: row.machine === "running",
          builds: row.running.length + row.waiting.length,
          isWorn: this.#isWorn(row) || this.#isUsed(row),
          isPaused: false,
          isGoing: false,
          quarantinedUntil: row.quarantinedUntil,
          quarantineReason: null,
          isWished: row.isWished,
        }),
      ),
    };
  }

  #place(place: Place): Row {
    if ("workerId" in place) return this.rows[place.workerId - 1] as Row;
    const row: Row = {
      ...{ id: (this.rows.length + 1) as WorkerId, number: place.number, state: "insubstantiated" },
      ...{ since: this.now, generation: 0, machine: null, isStartAnswered: false, missingAt: null },
      ...{ waiting: [], running: [], idleSince: null, buildsOnMachine: 0, isOpen: false },
      ...{ isWished: false, quarantinedUntil: null, faults: 0, hasFailed: false, lookAt: null },
    };
    this.rows.push(row);
    return row;
  }

  // -------------------------------------------------------------- giving out, as engine/distribute

  #builders(keep: (worker: Candidate) => boolean): PooledBuilder[] {
    const builders: PooledBuilder[] = [];
    if (this.pending === 0) return builders;
    const candidates = this.rows
      .filter((row) => this.#takes(row))
      .map((row) => this.#candidate(row));
    for (const [builder, requests] of this.#pending) {
      if (requests.length === 0) continue;
      builders.push({
        ...{ builderId: builder as BuilderId, name: `b${builder}`, pools: [POOL] },
        requests: requests
          .slice(0, FORESEEN)
          .map(({ id, at }) => ({ id, priority: 0, submittedAt: at })),
        workers: candidates
          .filter((worker) => keep(worker) && !this.#runs(worker.workerId, builder))
          .slice(0, 50),
      });
    }
    return builders;
  }

  #takes(row: Row): boolean {
    if (row.hasFailed || row.number > this.options.maxWorkers) return false;
    if (row.quarantinedUntil !== null && row.quarantinedUntil > this.now) return false;
    return this.steering?.how !== "drain";
  }

  #runs(worker: WorkerId, builder: number): boolean {
    const row = this.rows[worker - 1] as Row;
    return [...row.running, ...row.waiting].some((request) => request.builder === builder);
  }

  #candidate(row: Row): Candidate {
    const busy = row.running.length + row.waiting.length;
    const isThere = row.state === "substantiated" && row.machine === "running";
    return {
      ...{
        workerId: row.id,
        name: `pool-${row.number}`,
        isPaused: false,
        isDraining: false,
        isLostByUs: false,
      },
      sessionId: isThere ? (row.id as never) : null,
      quarantinedUntil: null,
      isPairBusy: false,
      maxBuilds: this.options.maxBuildsPerWorker,
      busySlots: Array.from({ length: busy }, (_, index) => index + 1),
      latent: {
        id: row.id,
        state: row.state,
        isConnected: isThere,
        missingSeconds: MISSING_SECONDS,
        isUsed: this.#isUsed(row),
        isWorn: this.#isWorn(row),
        isPooled: true,
        isOpen: row.isOpen || row.isWished,
      },
    };
  }

  #distribute(): number {
    let claimed = 0;
    for (;;) {
      if (this.pending === 0) return claimed;
      const assignments = assign(
        this.#builders(() => true),
        this.now,
      );
      if (assignments.length === 0) return claimed;
      for (const { requestId, builderId, workerId, latent } of assignments) {
        const row = this.rows[workerId - 1] as Row;
        const queue = this.#pending.get(builderId) ?? [];
        const index = queue.findIndex(({ id }) => id === requestId);
        const [request] = queue.splice(index, 1);
        if (!request) throw new Error("a request that nobody asked");
        claimed += 1;
        const isThere = row.state === "substantiated" && !latent?.needsAnother;
        if (!isThere && (row.state === "insubstantiated" || row.state === "insubstantiating")) {
          if (!row.isOpen && !row.isWished) this.faults.push("a machine without a permit");
          this.#go(row, "wanted");
        }
        if (latent?.needsAnother && row.state === "substantiated") row.isOpen = false;
        if (isThere) this.#begin(row, request);
        else row.waiting.push(request);
      }
    }
  }

  #begin(row: Row, request: Request): void {
    row.running.push(request);
    row.buildsOnMachine += 1;
    this.waited += this.now - request.at;
    const { generation } = row;
    this.at(this.now + request.ms, () => {
      if (row.generation !== generation || !row.running.includes(request)) {
        this.faults.push(`request ${request.id} was ended by the end of its machine`);
        return;
      }
      row.running = row.running.filter((one) => one !== request);
      row.idleSince = this.now;
      row.faults = 0;
      this.finished += 1;
    });
  }

  // -------------------------------------------------------------- lives, as fleet/latent/seeing.ts

  #isUsed(row: Row): boolean {
    const isAlone = this.options.idleTimeout === 0;
    return isAlone && row.state === "substantiated" && (row.idleSince ?? -1) >= row.since;
  }

  #isWorn(row: Row): boolean {
    const { maxLifetime, maxBuildsPerInstance } = this.options;
    if (row.state !== "substantiated") return false;
    if (maxLifetime !== null && row.since + maxLifetime * 1_000 <= this.now) return true;
    return maxBuildsPerInstance !== null && row.buildsOnMachine >= maxBuildsPerInstance;
  }

  #factsOf(row: Row): LatentFacts {
    const { maxLifetime, idleTimeout, maxBuildsPerInstance, maxWorkers } = this.options;
    const isUp = row.state === "substantiated";
    const isOut = this.steering?.how === "drain" || row.number > maxWorkers;
    return {
      now: this.now,
      state: row.state,
      since: row.since,
      isEnding: false,
      isDraining: false,
      options: {
        buildWaitTimeout: idleTimeout ?? 600,
        missingTimeout: MISSING_SECONDS,
        checkInstanceInterval: 1e9,
      },
      isLostByUs: false,
      isConnected: row.machine === "running",
      isTaking: true,
      lostAt: null,
      missingAt: row.missingAt,
      isStartAnswered: row.isStartAnswered,
      checkedAt: row.since,
      waiting: row.waiting.length,
      running: row.running.length,
      idleSince: row.idleSince,
      instance: row.machine,
      unlistedAt: null,
      stopAsked: null,
      expiresAt: null,
      endsAt: null,
      unstopped: row.running.length,
      isOutdated: false,
      needsOther: false,
      failure: row.hasFailed ? { verdict: "transient", reason: "it fell over" } : null,
      pool: {
        isWished: row.isWished && (row.quarantinedUntil ?? 0) <= this.now,
        unwelcome: isOut ? "its pool wants fewer" : null,
        worn:
          isUp && maxBuildsPerInstance !== null && row.buildsOnMachine >= maxBuildsPerInstance
            ? "it has had its builds"
            : null,
        wornAt: isUp && maxLifetime !== null ? row.since + maxLifetime * 1_000 : null,
      },
    };
  }

  #see(row: Row): void {
    for (let steps = 0; steps < 20; steps += 1) {
      const step = nextStep(this.#factsOf(row));
      switch (step.do) {
        case "wait":
          if (step.until !== null && step.until !== row.lookAt) {
            row.lookAt = step.until;
            this.#wakeAt(Math.max(this.now, step.until));
          }
          return;
        case "want":
          this.#go(row, "wanted");
          break;
        case "start":
          if (row.state === "starting") return;
          this.#start(row);
          return;
        case "attached":
          this.#go(row, "attached");
          break;
        case "release":
          for (const request of row.waiting.splice(0)) this.#begin(row, request);
          break;
        case "fail":
          this.#fail(row);
          break;
        case "tell":
          for (const request of row.waiting.splice(0)) this.#back(request);
          row.hasFailed = false;
          break;
        case "let-go":
        case "renew":
          if (row.running.length > 0) this.faults.push(`let go with a build: ${step.reason}`);
          if (step.do === "let-go" && row.waiting.length > 0) {
            this.faults.push(`let go though a build waits: ${step.reason}`);
          }
          this.#go(row, step.do === "renew" ? "wanted-anew" : "unwanted");
          break;
        case "stop":
          this.#stop(row);
          return;
        case "stopped":
          this.#go(row, "stopped");
          this.#isWoken = true;
          break;
        case "forget":
          this.#go(row, "unwanted");
          break;
        default:
          this.faults.push(`${step.do} has no place in this world`);
          return;
      }
    }
    this.faults.push(`worker ${row.number} does not come to rest`);
  }

  #go(row: Row, event: Parameters<typeof next>[1]): void {
    const to = next(row.state, event);
    if (to === null) throw new Error(`${row.state} cannot be ${event}`);
    if (to === row.state) return;
    row.state = to;
    row.since = this.now;
    row.lookAt = null;
    if (event === "wanted" || event === "wanted-anew") {
      row.isOpen = false;
      row.missingAt = this.now + MISSING_SECONDS * 1_000;
    }
  }

  #start(row: Row): void {
    if (row.machine !== null) this.faults.push(`worker ${row.number} gets a second machine`);
    this.#go(row, "started");
    row.generation += 1;
    row.machine = "starting";
    row.isStartAnswered = true;
    row.isOpen = false;
    row.buildsOnMachine = 0;
    row.idleSince = null;
    this.starts.push(this.now);
    const { generation } = row;
    const asked = this.now;
    const isFailed = this.world.fails?.(this) ?? false;
    this.at(this.now + this.world.startMs(this.random), () => {
      if (row.generation !== generation || row.machine !== "starting") return;
      this.#ends.push({ at: this.now, asked, isFailed });
      if (isFailed) this.#fail(row);
      else row.machine = "running";
    });
  }

  #fail(row: Row): void {
    this.#go(row, "failed");
    row.hasFailed = true;
    const seconds = Math.min(10 * 2 ** row.faults, 3_600);
    row.faults += 1;
    row.quarantinedUntil = this.now + seconds * 1_000;
    this.#wakeAt(row.quarantinedUntil);
  }

  #stop(row: Row): void {
    if (row.machine === "stopping" || row.machine === null) return;
    row.machine = "stopping";
    const { generation } = row;
    this.at(this.now + this.world.stopMs(this.random), () => {
      if (row.generation === generation) row.machine = null;
    });
  }

  #back(request: Request): void {
    this.#isWoken = true;
    const queue = this.#pending.get(request.builder) ?? [];
    this.#pending.set(request.builder, queue);
    queue.push(request);
    queue.sort((a, b) => a.id - b.id);
  }

  // -------------------------------------------------------------- what must always hold

  #check(): void {
    const { maxWorkers, scaleUpRate } = this.options;
    const size = this.rows.filter(({ machine }) => machine !== null).length;
    this.most = Math.max(this.most, size);
    const allowed = this.rows.filter(({ number }) => number <= maxWorkers);
    if (allowed.length > maxWorkers) this.faults.push(`${allowed.length} places`);
    for (const row of this.rows) {
      const builds = row.running.length + row.waiting.length;
      if (builds > this.options.maxBuildsPerWorker) this.faults.push(`${builds} builds on one`);
      const builders = [...row.running, ...row.waiting].map(({ builder }) => builder);
      if (new Set(builders).size < builders.length) this.faults.push("two of one builder on one");
    }
    if (scaleUpRate !== null) {
      const recent = this.starts.filter((at) => at > this.now - 60_000).length;
      if (recent > scaleUpRate) this.faults.push(`${recent} starts within a minute`);
    }
    // What can start and does not has a reason that a person may read.
    if (this.pending > 0 && this.limits.length === 0) {
      this.faults.push(`${this.pending} wait and nothing keeps the pool from being larger`);
    }
    if (sizeOf(this.#facts()) > Math.max(maxWorkers, this.rows.length)) {
      this.faults.push("larger than it may be");
    }
  }
}

type Event = { at: number; order: number; act: () => void };

function isBefore(a: Event | undefined, b: Event | undefined): boolean {
  if (!a || !b) return false;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
