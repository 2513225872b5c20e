/**
 * Whose turn it is where projects share a pool that has weights (K-040). Priorities come first, as they do
 * everywhere. Among equals the project comes first whose builds take least of the pool for its weight, so
 * that in the long run each has its part of the machines while it wants it, and what it does not want goes
 * to the others: who asks for one build waits behind one of each other project, not behind their queues.
 */

/** What a builder takes part in. */
export interface Share {
  readonly poolId: number;
  readonly projectId: number;
  readonly weight: number;
  /** Builds of the project that have a place in the pool. */
  readonly running: number;
}

export interface Sharing {
  readonly share?: Share | null;
  readonly requests: readonly { readonly priority: number }[];
}

interface Queue<B> {
  readonly share: Share;
  readonly builders: B[];
  taken: number;
}

/** The builders in the order of their turns, each of which is for as many requests as its taker wants. */
export class Turns<B extends Sharing> {
  /** Without a share, or alone in their pool: as they came. */
  readonly #plain: B[] = [];
  readonly #pools = new Map<number, Map<number, Queue<B>>>();

  /** @param compare the order in which they come where nothing is shared */
  constructor(
    builders: readonly B[],
    readonly compare: (a: B, b: B) => number,
  ) {
    for (const builder of [...builders].sort(compare)) {
      const { share } = builder;
      if (!share) {
        this.#plain.push(builder);
        continue;
      }
      const pool = this.#pools.get(share.poolId) ?? new Map<number, Queue<B>>();
      this.#pools.set(share.poolId, pool);
      const queue = pool.get(share.projectId) ?? { share, builders: [], taken: 0 };
      pool.set(share.projectId, queue);
      queue.builders.push(builder);
    }
  }

  /**
   * @param take serves one request of the builder, and tells whether a place of the pool was taken by it and
   *   whether the builder may want another turn; of one without a share it serves all
   */
  each(take: (builder: B) => { readonly isTaken: boolean; readonly hasMore: boolean }): void {
    for (let next = this.#next(); next !== null; next = this.#next()) {
      const { builder, queue } = next;
      if (queue === null) {
        while (take(builder).hasMore);
        this.#plain.shift();
        continue;
      }
      const { isTaken, hasMore } = take(builder);
      if (isTaken) queue.taken += 1;
      queue.builders.shift();
      if (hasMore) this.#back(queue.builders, builder);
    }
  }

  /** Its next request may be less urgent than those of the others. */
  #back(builders: B[], builder: B): void {
    const at = builders.findIndex((other) => this.compare(builder, other) < 0);
    builders.splice(at < 0 ? builders.length : at, 0, builder);
  }

  #next(): { readonly builder: B; readonly queue: Queue<B> | null } | null {
    const [first] = this.#plain;
    let best = first ? { builder: first, queue: null as Queue<B> | null } : null;
    for (const pool of this.#pools.values()) {
      const queue = this.#fairest(pool);
      const head = queue?.builders[0];
      if (!queue || !head) continue;
      if (best === null || this.compare(head, best.builder) < 0) best = { builder: head, queue };
    }
    return best;
  }

  #fairest(pool: ReadonlyMap<number, Queue<B>>): Queue<B> | null {
    let best: Queue<B> | null = null;
    for (const queue of pool.values()) {
      if (queue.builders.length === 0) continue;
      if (best === null || this.#isBefore(queue, best)) best = queue;
    }
    return best;
  }

  #isBefore(one: Queue<B>, other: Queue<B>): boolean {
    const [a, b] = [one.builders[0] as B, other.builders[0] as B];
    const urgency = (b.requests[0]?.priority ?? 0) - (a.requests[0]?.priority ?? 0);
    return (urgency || partOf(one) - partOf(other) || this.compare(a, b)) < 0;
  }
}

/** What it would have of the pool with one build more. */
const partOf = ({ share, taken }: Queue<unknown>) => (share.running + taken + 1) / share.weight;
