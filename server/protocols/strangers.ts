/**
 * Connections that have not logged in: few are attended to at once, in all and from one address, so
 * that nobody keeps workers out by connecting often. The next ones wait in line, unread, at the cost of
 * a socket each: a hall of machines that starts at once comes from one address, and each logs in in
 * milliseconds. A line that is too long, or too slow, is refused.
 */

export interface StrangerLimits {
  /** Connections that are attended to, in all and from one address. */
  readonly maxStrangers: number;
  readonly maxStrangersPerAddress: number;
  /** Connections that wait for it, in all and from one address. */
  readonly maxWaiting: number;
  readonly maxWaitingPerAddress: number;
}

export const STRANGER_LIMITS: StrangerLimits = {
  maxStrangers: 512,
  maxStrangersPerAddress: 64,
  maxWaiting: 4_096,
  maxWaitingPerAddress: 2_048,
};

/** A connection in front of the door. */
export interface Arrival {
  readonly address: string;
  /** Its turn has come. `Strangers.leave` is owed from here on. */
  attend(): void;
  /** Too many were before it. */
  turnAway(): void;
}

interface Waiting {
  readonly arrival: Arrival;
  readonly timer: NodeJS.Timeout;
}

export class Strangers {
  readonly #limits: StrangerLimits;
  readonly #patienceMs: number;
  readonly #attended = new Counts();
  readonly #waitingCounts = new Counts();
  /** In the order of arrival. */
  readonly #waiting = new Set<Waiting>();

  /** @param patienceMs how long one may wait in line */
  constructor(limits: StrangerLimits, patienceMs: number) {
    this.#limits = limits;
    this.#patienceMs = patienceMs;
  }

  /** Attended to at once, later, or never. @returns what takes it out of the line, if it is in it */
  arrive(arrival: Arrival): () => void {
    const { maxWaiting, maxWaitingPerAddress } = this.#limits;
    if (this.#hasRoomFor(arrival.address)) {
      this.#attend(arrival);
      return () => {};
    }
    if (!this.#waitingCounts.isBelow(arrival.address, maxWaiting, maxWaitingPerAddress)) {
      arrival.turnAway();
      return () => {};
    }
    const timer = setTimeout(() => {
      this.#stepOut(waiting);
      arrival.turnAway();
    }, this.#patienceMs);
    const waiting = { arrival, timer };
    this.#waiting.add(waiting);
    this.#waitingCounts.add(arrival.address);
    return () => this.#stepOut(waiting);
  }

  /** One that was attended to logged in, or went. */
  leave(address: string): void {
    this.#attended.remove(address);
    for (const waiting of this.#waiting) {
      if (!this.#hasRoomFor(waiting.arrival.address)) continue;
      this.#stepOut(waiting);
      this.#attend(waiting.arrival);
      return;
    }
  }

  #attend(arrival: Arrival): void {
    this.#attended.add(arrival.address);
    arrival.attend();
  }

  #stepOut(waiting: Waiting): void {
    if (!this.#waiting.delete(waiting)) return;
    clearTimeout(waiting.timer);
    this.#waitingCounts.remove(waiting.arrival.address);
  }

  #hasRoomFor(address: string): boolean {
    const { maxStrangers, maxStrangersPerAddress } = this.#limits;
    return this.#attended.isBelow(address, maxStrangers, maxStrangersPerAddress);
  }
}

/** How many there are, in all and of each address. */
class Counts {
  readonly #byAddress = new Map<string, number>();
  #all = 0;

  isBelow(address: string, all: number, each: number): boolean {
    return this.#all < all && (this.#byAddress.get(address) ?? 0) < each;
  }

  add(address: string): void {
    this.#all++;
    this.#byAddress.set(address, (this.#byAddress.get(address) ?? 0) + 1);
  }

  remove(address: string): void {
    this.#all--;
    const before = this.#byAddress.get(address) ?? 0;
    if (before > 1) this.#byAddress.set(address, before - 1);
    else this.#byAddress.delete(address);
  }
}
