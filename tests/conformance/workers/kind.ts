/**
 * A worker program over one protocol, as the suite of all workers drives it: Buildbot's own and ours.
 * Each test has an id; what a kind cannot do is named by that id, with the reason.
 */
import { afterAll, beforeAll, it } from "vitest";
import type { Command, CommandEnd } from "../../../server/domain/wire";
import type { Listening, WorkerProtocol, WorkerSession } from "../../../server/protocols/contract";
import { KeepingSink, never, type TestDoor, testDoor } from "../../support/worker-door";

export const OPTIONS = { host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 };

export const TEST_IDS = [
  ...["facts", "shell", "obfuscated", "stdin", "pipes", "pty", "logfiles", "unwanted"],
  ...["no-program", "limits", "max-lines", "interrupt", "interrupt-asks", "interrupt-all", "bytes"],
  ...["long-log", "trees", "transfers", "transfer-failures", "refusals", "side-by-side", "dropped"],
  ...["wrong-password", "names", "turned-away", "frozen", "killed", "master-gone", "drain"],
  ...["drain-alone", "leftovers", "leftovers-kept", "maxretries", "numcpus"],
] as const;
export type TestId = (typeof TEST_IDS)[number];

export interface StartOptions {
  readonly port: number;
  readonly name: string;
  readonly password: string;
  /** Options of its command line, besides those that make it speak the protocol. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningWorker {
  readonly dir: string;
  /** Settles with the exit status; null: by a signal. */
  readonly exited: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
  /** Ends it, and removes its directory. */
  stop(): Promise<void>;
}

export interface WorkerKind {
  readonly name: string;
  readonly protocol: WorkerProtocol;
  /** Says so once when it is not there, so that a skip has a reason. */
  readonly isThere: () => boolean;
  readonly start: (options: StartOptions) => Promise<RunningWorker>;
  readonly skips: Readonly<Partial<Record<TestId, string>>>;
}

export type Check = (id: TestId, title: string, body: () => Promise<void>) => void;

/** `it` with an id, left out with its reason where the kind says so. */
export function checkOf({ skips }: WorkerKind): Check {
  return (id, title, body) => {
    const reason = skips[id];
    if (reason === undefined) it(`${id}: ${title}`, body, 60_000);
    else it.skip(`${id}: ${title} (${reason})`, body);
  };
}

export interface Bench {
  readonly door: TestDoor;
  readonly worker: RunningWorker;
  readonly session: WorkerSession;
  /** For builder `b1`. */
  run(command: Command, stop?: AbortSignal): Promise<[CommandEnd, KeepingSink]>;
}

/** One worker for a group of tests, attached with the builders `b1`, `b2` and `b3`. */
export function benchOf(kind: WorkerKind): () => Bench {
  let bench: Bench | null = null;
  let listening: Listening;
  beforeAll(async () => {
    const door = testDoor({
      passwords: { w1: "pass" },
      builders: ["b1", "b2", "b3"].map((name) => ({ name, builddir: name })),
    });
    listening = await kind.protocol.listen(door, OPTIONS);
    const env = { FROM_WORKER: "inherited" };
    const login = { name: "w1", password: "pass" };
    const worker = await kind.start({ port: listening.port, ...login, env });
    const { session } = await door.nextAttached();
    bench = {
      ...{ door, worker, session },
      async run(command, stop = never) {
        const sink = new KeepingSink();
        return [await session.run("b1", command, sink, stop), sink];
      },
    };
  }, 60_000);
  afterAll(async () => {
    await bench?.worker.stop();
    await listening?.close();
  });
  return () => bench as Bench;
}

/** A door of its own, and a worker that comes to it; both end with `body`. */
export async function withWorker(
  kind: WorkerKind,
  options: Partial<StartOptions> & { readonly door?: TestDoor },
  body: (on: {
    readonly door: TestDoor;
    readonly listening: Listening;
    readonly worker: RunningWorker;
  }) => Promise<void>,
): Promise<void> {
  const door = options.door ?? testDoor({ passwords: { w1: "pass" } });
  const listening = await kind.protocol.listen(door, OPTIONS);
  const login = { name: "w1", password: "pass", port: listening.port };
  const worker = await kind.start({ ...login, ...options });
  try {
    await body({ door, listening, worker });
  } finally {
    worker.signal("SIGCONT");
    await worker.stop();
    await listening.close();
  }
}
