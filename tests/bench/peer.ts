/** A server under measurement, and what all of them have in common. */
import { readdirSync, readFileSync } from "node:fs";

export interface Peer {
  readonly name: "slipway" | "buildbot" | "null";
  /** Where workers connect (password `pass`), by protocol; the null master speaks one. */
  readonly workerPorts: { readonly pb: number; readonly msgpack: number | null };
  /** Queues one build. @returns the request's id */
  trigger(builder: string): Promise<number>;
  /** Settles when the server has told that the request is complete. It is told, it does not ask. */
  finished(id: number): Promise<void>;
  result(id: number): Promise<number>;
  /** Workers now connected, by name. */
  connected(): Promise<readonly string[]>;
  pause(workers: readonly string[], isPaused: boolean): Promise<void>;
  /** Whether the log of the request's only step is complete and its last line can be read. */
  isReadable(id: number, lastLine: string): Promise<boolean>;
  /** Process numbers by name; their CPU and memory are the server's. */
  processes(): Readonly<Record<string, readonly number[]>>;
  /** In the process that holds the workers, where garbage does not go by itself. */
  collectGarbage(): Promise<void>;
  stop(): Promise<void>;
}

/** What every peer is set up with. `trivial` and `lines` run on w1, `many-N` on all of m0 to m19. */
export interface Plan {
  readonly workers: readonly { readonly name: string; readonly maxBuilds: number }[];
  readonly builders: readonly {
    readonly name: string;
    readonly workers: readonly string[];
    readonly command: readonly string[];
  }[];
}

export const PASSWORD = "pass";
/** The process that holds the workers' connections, as `Peer.processes` names it. */
export const HOLDERS = { slipway: "socket", buildbot: "master", null: "" } as const;
export const MANY = Array.from({ length: 20 }, (_, index) => `m${index}`);

/** Buildbot's workers run one build per builder at a time, so that four at once need four builders. */
export function plan(printLines: readonly string[]): Plan {
  const echo = ["echo", "hi"];
  const four = [0, 1, 2, 3];
  return {
    workers: [{ name: "w1", maxBuilds: 4 }, ...MANY.map((name) => ({ name, maxBuilds: 1 }))],
    builders: [
      { name: "trivial", workers: ["w1"], command: echo },
      { name: "lines", workers: ["w1"], command: printLines },
      ...four.map((n) => ({ name: `few-${n}`, workers: ["w1"], command: echo })),
      ...four.map((n) => ({ name: `many-${n}`, workers: MANY, command: echo })),
    ],
  };
}

/** Workers that do nothing but connect. */
export function idlePlan(count: number): Plan {
  const names = Array.from({ length: count }, (_, index) => `idle${index}`);
  return {
    workers: names.map((name) => ({ name, maxBuilds: 1 })),
    builders: [{ name: "idle", workers: names, command: ["echo", "hi"] }],
  };
}

/** Linux counts CPU in hundredths of a second. */
const TICKS_PER_SECOND = 100;

interface Stat {
  readonly parent: number;
  readonly ownTicks: number;
  /** Of children that ended and were waited for. */
  readonly reapedTicks: number;
}

function stat(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything; the fields after it are proc(5)'s 3 and on.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const field = (number: number) => Number(fields[number - 3]);
    return {
      parent: field(4),
      ownTicks: field(14) + field(15),
      reapedTicks: field(16) + field(17),
    };
  } catch {
    return null;
  }
}

/** A process and those it started that still run: PostgreSQL's backends come and go. */
export function withChildren(pid: number): number[] {
  const children = readdirSync("/proc").filter(
    (name) => /^\d+$/.test(name) && stat(Number(name))?.parent === pid,
  );
  return [pid, ...children.map(Number)];
}

/** CPU seconds of all processes of a peer so far, those of ended children included. */
export function cpuSeconds(processes: Readonly<Record<string, readonly number[]>>) {
  return Object.fromEntries(
    Object.entries(processes).map(([name, pids]) => {
      const ticks = pids.map((pid, index) => {
        const found = stat(pid);
        return found ? found.ownTicks + (index === 0 ? found.reapedTicks : 0) : 0;
      });
      return [name, ticks.reduce((sum, one) => sum + one, 0) / TICKS_PER_SECOND];
    }),
  );
}

export function difference(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
}

export const total = (parts: Readonly<Record<string, number>>) =>
  Object.values(parts).reduce((sum, part) => sum + part, 0);

/** Kilobytes of memory that a process holds now. */
export function residentKilobytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN);
}

/**
 * Megabytes at the peak. For one process the kernel's high-water mark; for a family of processes
 * that share memory the sum of their proportional shares now.
 */
export function megabytes(processes: Readonly<Record<string, readonly number[]>>) {
  return Object.fromEntries(
    Object.entries(processes).map(([name, pids]) => {
      const [file, key] =
        pids.length > 1 ? (["smaps_rollup", "Pss"] as const) : (["status", "VmHWM"] as const);
      const kilobytes = pids.map((pid) => {
        try {
          const text = readFileSync(`/proc/${pid}/${file}`, "utf8");
          return Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
        } catch {
          return 0;
        }
      });
      return [name, kilobytes.reduce((sum, one) => sum + one, 0) / 1024];
    }),
  );
}
