/** A door for protocol tests: admits workers by a table of passwords and hands out their sessions. */
import type { BuilderRef, CommandSink, StatResult, WorkerFacts } from "../../server/domain/wire";
import type {
  Admission,
  Hello,
  Peer,
  RefusalReason,
  WorkerDoor,
  WorkerSession,
} from "../../server/protocols/contract";

export interface Refusal {
  readonly reason: RefusalReason;
  readonly peer: Peer;
  readonly loginName: string | null;
  readonly detail: string;
}

export interface Attached {
  readonly session: WorkerSession;
  readonly facts: WorkerFacts;
}

export interface TestDoor extends WorkerDoor {
  readonly passwords: Map<string, string[]>;
  readonly refusals: Refusal[];
  builders: BuilderRef[];
  /** How often a worker asked to be drained. */
  drainRequests: number;
  /** Turns everybody away while set. */
  turnAway: string | null;
  /** The next worker that is attached, or one that was and is not taken yet. */
  nextAttached(): Promise<Attached>;
  /** The next refusal not taken yet. */
  nextRefusal(): Promise<Refusal>;
  nextDrainRequest(): Promise<void>;
}

export function testDoor(options: {
  readonly passwords: Readonly<Record<string, string | readonly string[]>>;
  readonly builders?: readonly BuilderRef[];
}): TestDoor {
  const attached = new Mailbox<Attached>();
  const refused = new Mailbox<Refusal>();
  const drains = new Mailbox<void>();
  const passwords = new Map(
    Object.entries(options.passwords).map(([name, value]) => [name, [value].flat()]),
  );
  const door: TestDoor = {
    passwords,
    refusals: [],
    builders: [...(options.builders ?? [{ name: "b1", builddir: "b1" }])],
    drainRequests: 0,
    turnAway: null,
    nextAttached: () => attached.take(),
    nextRefusal: () => refused.take(),
    nextDrainRequest: () => drains.take(),
    credentials: async (name) => passwords.get(name) ?? null,
    async admit(_hello: Hello, session: WorkerSession): Promise<Admission> {
      if (door.turnAway !== null) return { admitted: false, reason: door.turnAway };
      const facts = await session.describe();
      await session.serve(door.builders);
      attached.put({ session, facts });
      return {
        admitted: true,
        onDrainRequested() {
          door.drainRequests++;
          drains.put();
        },
      };
    },
    refused(reason, peer, loginName, detail) {
      const refusal = { reason, peer, loginName, detail };
      door.refusals.push(refusal);
      refused.put(refusal);
    },
  };
  return door;
}

/** Values in order, waited for or kept. */
class Mailbox<T> {
  readonly #kept: T[] = [];
  readonly #waiting: ((value: T) => void)[] = [];

  put(value: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#kept.push(value);
    else waiting(value);
  }

  take(): Promise<T> {
    if (this.#kept.length > 0) return Promise.resolve(this.#kept.shift() as T);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** A sink that keeps everything, and lets a test wait for a text. */
export class KeepingSink implements CommandSink {
  /** `stdout`, `stderr`, `header`, or `log:<name>`, with the text, in order. */
  readonly pieces: { stream: string; bytes: Buffer }[] = [];
  stats: StatResult | null = null;
  names: readonly string[] | null = null;
  #changed: (() => void)[] = [];

  output(stream: "stdout" | "stderr" | "header", text: Uint8Array): void | Promise<void> {
    this.#keep(stream, text);
  }

  log(name: string, text: Uint8Array): void | Promise<void> {
    this.#keep(`log:${name}`, text);
  }

  stat(value: StatResult): void {
    this.stats = value;
  }

  files(names: readonly string[]): void {
    this.names = names;
  }

  bytes(stream: string): Buffer {
    return Buffer.concat(
      this.pieces.filter((piece) => piece.stream === stream).map((piece) => piece.bytes),
    );
  }

  text(stream: string): string {
    return this.bytes(stream).toString("utf8");
  }

  async waitFor(stream: string, text: string): Promise<void> {
    while (!this.text(stream).includes(text)) {
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  #keep(stream: string, text: Uint8Array): void {
    this.pieces.push({ stream, bytes: Buffer.from(text) });
    const changed = this.#changed;
    this.#changed = [];
    for (const resolve of changed) resolve();
  }
}

/** A signal that never fires. */
export const never = new AbortController().signal;
