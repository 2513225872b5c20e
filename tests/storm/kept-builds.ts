/**
 * One long build on our own worker while what it talks to is killed, stopped or cut off, and what
 * must be true of it then: green in one piece, every line once and in order.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type SlipwayInstance, startSlipway } from "../support/slipway-instance";
import { type SlipwayWorker, startSlipwayWorker } from "../support/slipway-worker";

const PASSWORD = "pass";
export const PROTOCOLS = ["pb", "msgpack"] as const;
export type ProtocolName = (typeof PROTOCOLS)[number];

/** Lines `1` to `lines` in pieces over about so many seconds, some of them on standard error. */
export function numbered(lines: number, seconds: number): string {
  const pieces = Math.max(1, Math.round(seconds * 10));
  const each = Math.ceil(lines / pieces);
  return [
    `at=0; while [ $at -lt ${lines} ]; do to=$((at + ${each}))`,
    `[ $to -gt ${lines} ] && to=${lines}`,
    "seq $((at + 1)) $to; at=$to; sleep 0.1; done",
  ].join("; ");
}

export interface KeptBuild {
  readonly id: number;
  readonly result: number | null;
  readonly state: string;
  readonly state_string: string;
  readonly worker: string;
}

export interface Keeping {
  readonly slipway: SlipwayInstance;
  readonly workers: Readonly<Record<ProtocolName, SlipwayWorker>>;
  /** Between a worker and its door. */
  readonly cut: Readonly<Record<ProtocolName, () => void>>;
  /** Cut, and nobody gets through until it is let go. */
  readonly hold: Readonly<Record<ProtocolName, (isHeld: boolean) => void>>;
  /** SIGKILL. */
  killWorker(name: ProtocolName): Promise<void>;
  /** Another process of that name. */
  startWorker(name: ProtocolName): Promise<void>;
  force(builder: string): Promise<number>;
  builds(requestId: number): Promise<KeptBuild[]>;
  /** Waits until the newest build of the request is as wanted. */
  until(requestId: number, isSo: (build: KeptBuild) => boolean): Promise<KeptBuild>;
  /** Lines of a log of a build's step, without prefixes. */
  lines(buildId: number, step: number, log?: string): Promise<string[]>;
  /** From its first step to its end. */
  secondsOf(buildId: number): Promise<number>;
  /** Waits until the workers are connected to a living process that is not the one named. */
  connected(unlike?: number): Promise<void>;
  /** Waits until so many lines are stored. */
  stored(buildId: number, lines: number): Promise<void>;
  stop(): Promise<void>;
}

/** The name of the worker that the installation runs itself. */
export const LOCAL = "local";

export async function openKeeping(
  builders: (worker: ProtocolName | typeof LOCAL) => readonly object[],
  args: readonly string[] = [],
): Promise<Keeping> {
  const slipway = await startSlipway({
    config: {
      workers: [
        ...PROTOCOLS.map((name) => ({ type: "Worker", name, password: PASSWORD, max_builds: 4 })),
        { type: "LocalWorker", name: LOCAL },
      ],
      projects: {
        kept: { builders: [...PROTOCOLS, LOCAL].flatMap((name) => builders(name as ProtocolName)) },
      },
    },
  });
  const { pbPort, msgpackPort } = slipway;
  const lines = {
    pb: await openLine(pbPort),
    msgpack: await openLine(msgpackPort),
  };
  const start = (name: ProtocolName) =>
    startSlipwayWorker({
      ...{ port: lines[name].port, protocol: name, name, password: PASSWORD, args },
    });
  const workers = { pb: await start("pb"), msgpack: await start("msgpack") };

  const pool = new pg.Pool({ connectionString: slipway.databaseUrl, max: 2 });
  pool.on("error", () => {});
  const rows = async <R extends object>(sql: string, values: unknown[] = []) =>
    (await pool.query<R>(sql, values)).rows;

  async function until<T>(what: string, work: () => Promise<T | null>): Promise<T> {
    const giveUpAt = performance.now() + 150_000;
    for (let last: unknown = "not so"; ; await sleep(100)) {
      try {
        const found = await work();
        if (found !== null) return found;
      } catch (error) {
        last = error;
      }
      if (performance.now() > giveUpAt) {
        const said = PROTOCOLS.map((name) => workers[name].output().slice(-1_500)).join("\n---\n");
        const end = slipway.output.slice(-40).join("\n");
        throw new Error(`${what}: in vain (${last})\n${end}\n${said}`);
      }
    }
  }

  const keeping: Keeping = {
    slipway,
    workers,
    cut: { pb: lines.pb.cut, msgpack: lines.msgpack.cut },
    hold: { pb: lines.pb.hold, msgpack: lines.msgpack.hold },
    async killWorker(name) {
      workers[name].process.kill("SIGKILL");
      await workers[name].exited;
      await workers[name].stop();
    },
    async startWorker(name) {
      workers[name] = await start(name);
    },
    async force(builder) {
      const key = `${builder}-${Math.random()}`;
      const { buildrequestids } = await until(`force ${builder}`, () =>
        slipway.call<{ buildrequestids: Record<string, number> }>(`builders/${builder}`, "force", {
          ...{ reason: "kept", idempotency_key: key },
        }),
      );
      return Object.values(buildrequestids)[0] as number;
    },
    async builds(requestId) {
      const { builds } = await slipway.get<{
        builds: {
          buildid: number;
          results: number | null;
          complete: boolean;
          state_string: string;
          workerid: number;
        }[];
      }>(`buildrequests/${requestId}/builds`);
      return builds.map((build) => ({
        id: build.buildid,
        result: build.results,
        state: build.complete ? "finished" : "running",
        state_string: build.state_string,
        worker: String(build.workerid),
      }));
    },
    until: (requestId, isSo) =>
      until(`build of request ${requestId}`, async () => {
        const build = (await keeping.builds(requestId)).at(-1);
        return build && isSo(build) ? build : null;
      }),
    async lines(buildId, step, log = "stdio") {
      const { logs } = await slipway.get<{ logs: { logid: number; slug: string }[] }>(
        `builds/${buildId}/steps/${step}/logs`,
      );
      const id = logs.find(({ slug }) => slug === log)?.logid;
      const answer = await fetch(`${slipway.url}/main/api/v2/logs/${id}/raw`, {
        headers: { authorization: `Bearer ${slipway.token}` },
      });
      return (await answer.text()).split("\n").slice(0, -1);
    },
    async secondsOf(buildId) {
      const [row] = await rows<{ seconds: number }>(
        "select extract(epoch from complete_at - started_at)::float as seconds from build where id = $1",
        [buildId],
      );
      return row?.seconds ?? Number.NaN;
    },
    async connected(unlike = 0) {
      await until("workers connected", async () => {
        const found = await rows(
          `select w.name from worker w join worker_session s on s.id = w.session_id
           join process p on p.id = s.process_id where s.ended_at is null and p.gone_at is null and p.pid <> $1`,
          [unlike],
        );
        return found.length === PROTOCOLS.length + 1 ? true : null;
      });
    },
    async stored(buildId, wanted) {
      await until(`${wanted} lines of build ${buildId}`, async () => {
        const { logs } = await slipway.get<{ logs: { num_lines: number }[] }>(
          `builds/${buildId}/steps/0/logs`,
        );
        return (logs[0]?.num_lines ?? 0) >= wanted ? true : null;
      });
    },
    async stop() {
      await Promise.all(PROTOCOLS.map((name) => workers[name].stop()));
      await pool.end();
      await slipway.stop();
      await Promise.all(PROTOCOLS.map((name) => lines[name].close()));
    },
  };
  try {
    await keeping.connected();
    return keeping;
  } catch (error) {
    await keeping.stop();
    throw error;
  }
}

/** What is wrong with the numbers that were printed, in words; null when nothing is. */
export function wrongWith(lines: readonly string[], wanted: number): string | null {
  const numbers = lines.filter((line) => /^\d+$/.test(line)).map(Number);
  const at = numbers.findIndex((number, index) => number !== index + 1);
  if (at >= 0) return `line ${at + 1} says ${numbers[at]} (of ${numbers.length})`;
  return numbers.length === wanted ? null : `${numbers.length} of ${wanted} lines`;
}

/** How long the command itself took, by the worker's clock. */
export function elapsedOf(lines: readonly string[]): number {
  const [, seconds = "NaN"] = /^elapsedTime=([\d.]+)/.exec(lines.findLast(isElapsed) ?? "") ?? [];
  return Number(seconds);
}

const isElapsed = (line: string) => line.startsWith("elapsedTime=");

interface Line {
  readonly port: number;
  /** Both ends are reset, as by a box between them that forgets. */
  cut(): void;
  hold(isHeld: boolean): void;
  close(): Promise<void>;
}

async function openLine(to: number): Promise<Line> {
  const open = new Set<Socket>();
  let isHeld = false;
  const server: Server = createServer((near) => {
    if (isHeld) {
      near.on("error", () => {});
      near.resetAndDestroy();
      return;
    }
    const far = connect(to, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const socket of open) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    hold(wanted) {
      isHeld = wanted;
      if (isHeld) cut();
    },
    async close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
