/** The fake provider itself: its machines, and what a test told it to do. */
import type {
  DriverError,
  InstanceHandle,
  InstanceReport,
  InstanceTag,
  OwnerTag,
  StartOrder,
  Unclear,
} from "../contract";
import type { FakeConfig } from "./schema";

export type FakeVerb = "start" | "inspect" | "stop" | "list";

export interface FakeMachine {
  readonly order: StartOrder;
  readonly config: FakeConfig;
  readonly id: number;
  state: "running" | "broken" | "gone";
  why: string;
  /** What its console has. */
  printed: string;
  /** Not in the list yet. */
  isHidden: boolean;
}

interface Trap {
  readonly verb: FakeVerb;
  readonly when: "before" | "after";
  readonly act: (signal: AbortSignal) => Promise<void> | void;
  times: number;
}

export class FakeCloud {
  /** All there ever were, in the order in which they were made. */
  readonly machines: FakeMachine[] = [];
  readonly calls: { readonly verb: FakeVerb; readonly on: string }[] = [];
  /** What a caller must never do. */
  readonly faults: string[] = [];
  /** Of one key at a time: calls that change something, for the rule that only one runs. */
  readonly #busy = new Map<string, FakeVerb>();
  readonly #traps: Trap[] = [];
  /** What boots on a machine, when one is made. */
  onBoot: (machine: FakeMachine) => void = () => {};
  /** What ends with a machine. */
  onGone: (machine: FakeMachine) => void = () => {};
  /** Whether it says by itself that a machine died, to whoever ordered it or looked at it last. */
  speaks = false;
  readonly #listeners = new Map<string, () => void>();
  /** New machines stay out of the list until `list` is told of them. */
  lags = false;
  /** What else it has under our name, which is none of the above. */
  unclear: Unclear[] = [];
  /** What `list` says instead of the truth. */
  listed: ((truth: InstanceHandle[]) => InstanceHandle[]) | null = null;
  /** What `inspect` says instead of the truth. */
  lie: InstanceReport | null = null;

  /** The next `times` calls of the verb are refused, and nothing happens. */
  refuse(verb: FakeVerb, error: DriverError, times = 1): void {
    this.#trap(verb, "before", times, () => {
      throw error;
    });
  }

  /** The next call does what it is asked, and its answer is this error. */
  loseAnswer(verb: FakeVerb, error: DriverError): void {
    this.#trap(verb, "after", 1, () => {
      throw error;
    });
  }

  /** The next call does nothing until the promise settles, or its caller gives up. */
  stall(verb: FakeVerb, until: Promise<unknown>): void {
    this.#trap(verb, "before", 1, (signal) => settled(until, signal));
  }

  /** The next call does what it is asked at once, and answers when the promise settles. */
  delayAnswer(verb: FakeVerb, until: Promise<unknown>): void {
    this.#trap(verb, "after", 1, (signal) => settled(until, signal));
  }

  /** Something happens in the middle of the next call. */
  during(verb: FakeVerb, act: () => Promise<void> | void): void {
    this.#trap(verb, "after", 1, act);
  }

  get alive(): FakeMachine[] {
    return this.machines.filter(({ state }) => state !== "gone");
  }

  count(verb: FakeVerb): number {
    return this.calls.filter((call) => call.verb === verb).length;
  }

  /** A machine dies by itself: its image crashes, its host burns. */
  crash(machine: FakeMachine, why: string, state: "broken" | "gone" = "broken"): void {
    machine.state = state;
    machine.why = why;
    this.onGone(machine);
    if (this.speaks) this.say(machine);
  }

  /** That it died, whether it did or not. */
  say({ order }: FakeMachine): void {
    this.#listeners.get(order.key)?.();
  }

  /** @internal The driver's side: one call of a verb, with whatever a test has in store for it. */
  async call<T>(verb: FakeVerb, on: string, signal: AbortSignal, act: () => T): Promise<T> {
    this.calls.push({ verb, on });
    if (verb === "list") return this.#answer(verb, signal, act);
    const other = this.#busy.get(on);
    if (other) this.faults.push(`${verb} of ${on} while its ${other} runs`);
    this.#busy.set(on, verb);
    try {
      return await this.#answer(verb, signal, act);
    } finally {
      this.#busy.delete(on);
    }
  }

  async #answer<T>(verb: FakeVerb, signal: AbortSignal, act: () => T): Promise<T> {
    await this.#spring(verb, "before", signal);
    const answer = act();
    await this.#spring(verb, "after", signal);
    return answer;
  }

  /** @internal */
  listen(key: string, ended: (() => void) | undefined): void {
    if (ended) this.#listeners.set(key, ended);
  }

  /** @internal */
  make(order: StartOrder, config: FakeConfig): InstanceHandle {
    if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(order.key)) {
      this.faults.push(`${order.key} is no name for a machine`);
    }
    const known = this.machines.find(({ order: { key } }) => key === order.key);
    if (known) {
      if (JSON.stringify(known.order) !== JSON.stringify(order)) {
        this.faults.push(`${order.key} was ordered twice, and differently`);
      }
      return handleOf(known);
    }
    const machine: FakeMachine = {
      ...{ order, config, id: this.machines.length + 1 },
      ...{ state: "running", why: "it runs", printed: "", isHidden: this.lags },
    };
    this.machines.push(machine);
    this.onBoot(machine);
    return handleOf(machine);
  }

  /** @internal */
  report(handle: InstanceHandle): InstanceReport {
    if (this.lie) return this.lie;
    const machine = this.#find(handle);
    return machine
      ? { state: machine.state, why: machine.why }
      : { state: "gone", why: "no machine has this name" };
  }

  /** @internal */
  printed(handle: InstanceHandle): string {
    return this.#find(handle)?.printed ?? "";
  }

  /** @internal */
  remove(handle: InstanceHandle): void {
    const machine = this.#find(handle);
    if (!machine || machine.state === "gone") return;
    machine.state = "gone";
    machine.why = "it was stopped";
    this.onGone(machine);
  }

  /** @internal */
  list(owner: OwnerTag): InstanceHandle[] {
    const truth = this.alive
      .filter(({ isHidden, order }) => !isHidden && order.tag.installation === owner.installation)
      .map(handleOf);
    return this.listed ? this.listed(truth) : truth;
  }

  #find({ key, tag, ref }: InstanceHandle): FakeMachine | undefined {
    const machine = this.machines.find(({ order }) => order.key === key);
    if (machine && !isSame(machine.order.tag, tag)) {
      this.faults.push(`${key} was asked for under another tag`);
    }
    if (ref !== null && machine && (ref as { id?: unknown }).id !== machine.id) {
      this.faults.push(`${key} was asked for with a ref that is not its own`);
    }
    return machine;
  }

  #trap(verb: FakeVerb, when: Trap["when"], times: number, act: Trap["act"]): void {
    this.#traps.push({ verb, when, times, act });
  }

  async #spring(verb: FakeVerb, when: Trap["when"], signal: AbortSignal): Promise<void> {
    if (when === "before") signal.throwIfAborted();
    const trap = this.#traps.find((each) => each.verb === verb && each.when === when);
    if (!trap) return;
    trap.times -= 1;
    if (trap.times === 0) this.#traps.splice(this.#traps.indexOf(trap), 1);
    await trap.act(signal);
  }
}

function handleOf({ order: { key, tag }, id }: FakeMachine): InstanceHandle {
  return { key, tag, ref: { id }, madeAt: null };
}

function isSame(a: InstanceTag, b: InstanceTag): boolean {
  return (
    a.installation === b.installation &&
    a.organization === b.organization &&
    a.worker === b.worker &&
    a.generation === b.generation
  );
}

/** Settles with the promise, or rejects when the caller gives up. */
async function settled(until: Promise<unknown>, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    until.then(() => resolve(), reject);
  });
}
