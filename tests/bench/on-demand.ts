/**
 * What machines on demand cost the queue: from the trigger of a build until its provider is asked, and
 * how much slower builds on workers that are there become while two hundred machines are asked for and
 * waited for. Each latent worker has a Docker engine of its own, that tells its version and never answers
 * the first question about a container, so that nothing here is an engine's.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startBuildbotWorker } from "../support/buildbot-worker";
import { cpuSeconds, difference, PASSWORD, type Peer } from "./peer";
import { startSlipwayPeer } from "./slipway";

const AT_ONCE = 200;
/** Until programs run as fast as they do later, so that what is measured first is not slower for that. */
const WARM_UP = 60;
/** With nothing beside it, for what a machine costs. */
const COUNTED = 50;

/** All in milliseconds, one for each build. */
export interface OnDemandFigures {
  /** From the trigger until the provider of an idle installation is asked. */
  readonly asked: readonly number[];
  /** From the trigger of a build on a worker that is there to its end. */
  readonly alone: readonly number[];
  /** The same, from the moment that machines are wanted until the provider of the last was asked. */
  readonly during: readonly number[];
  /** The same, while all of them are waited for. */
  readonly beside: readonly number[];
  /** From the moment that all machines are wanted until the provider of the last was asked. */
  readonly allAsked: number;
  /** CPU of the server for a build from its trigger until its provider was asked, by process. */
  readonly cpu: Readonly<Record<string, number>>;
}

export async function measureOnDemand(count: number): Promise<OnDemandFigures> {
  const names = Array.from({ length: count + COUNTED + AT_ONCE }, (_, index) => `made-${index}`);
  const engines = new Map<string, SilentEngine>();
  for (const name of names) engines.set(name, await startSilentEngine());
  const asked = async (name: string) => await (engines.get(name) as SilentEngine).asked;
  const builder = (name: string, worker: string) => ({
    name,
    workernames: [worker],
    factory: [{ type: "ShellCommand", command: ["echo", "hi"], logEnviron: false }],
  });
  const peer = await startSlipwayPeer(
    { workers: [], builders: [] },
    {
      workers: [
        { type: "Worker", name: "w1", password: PASSWORD },
        ...[...engines].map(([name, { address }]) => ({
          ...{ type: "DockerLatentWorker", name, docker_host: address, image: "none" },
        })),
      ],
      projects: {
        bench: {
          builders: [builder("trivial", "w1"), ...names.map((name) => builder(name, name))],
          schedulers: [{ type: "ForceScheduler", name: "at-once", builderNames: names }],
        },
      },
    },
  );
  const where = { host: "127.0.0.1", port: peer.workerPorts.pb };
  const worker = await startBuildbotWorker({ ...where, name: "w1", password: PASSWORD });
  try {
    while (!(await peer.connected()).includes("w1")) await soon();
    await builds(peer, () => WARM_UP);
    const alone = await builds(peer, () => 2 * count);
    const each: number[] = [];
    for (const name of names.slice(0, count)) {
      const from = performance.now();
      await peer.trigger(name);
      each.push((await asked(name)) - from);
    }
    const before = cpuSeconds(peer.processes());
    const counted = names.slice(count, count + COUNTED);
    await peer.triggerAll("at-once", counted);
    await Promise.all(counted.map(asked));
    const used = difference(cpuSeconds(peer.processes()), before);
    const cpu = Object.fromEntries(
      Object.entries(used).map(([name, seconds]) => [name, (1_000 * seconds) / COUNTED]),
    );
    const many = names.slice(count + COUNTED);
    const from = performance.now();
    await peer.triggerAll("at-once", many);
    let last: number | null = null;
    const all = Promise.all(many.map(asked)).then((times) => {
      last = Math.max(...times) - from;
    });
    const during = await builds(peer, (made) => (last === null ? made + 1 : made));
    await all;
    const beside = await builds(peer, () => 2 * count);
    return { asked: each, alone, during, beside, allAsked: last ?? Number.NaN, cpu };
  } finally {
    await worker.stop();
    await peer.stop();
    for (const engine of engines.values()) await engine.stop();
  }
}

/**
 * One behind the other.
 * @param untilThere are so many, asked before each
 * @returns milliseconds from each one's trigger to its end
 */
async function builds(peer: Peer, untilThere: (made: number) => number): Promise<number[]> {
  const taken: number[] = [];
  while (taken.length < untilThere(taken.length)) {
    const from = performance.now();
    await peer.finished(await peer.trigger("trivial"));
    taken.push(performance.now() - from);
  }
  return taken;
}

interface SilentEngine {
  readonly address: string;
  /** When it was asked for the first time. */
  readonly asked: Promise<number>;
  stop(): Promise<void>;
}

async function startSilentEngine(): Promise<SilentEngine> {
  let isAsked: (at: number) => void = () => {};
  const asked = new Promise<number>((resolve) => {
    isAsked = resolve;
  });
  // The account is looked through, too.
  const server = createServer(({ url = "" }, answer) => {
    if (url === "/version") {
      answer.setHeader("content-type", "application/json");
      answer.end(JSON.stringify({ ApiVersion: "1.41", MinAPIVersion: "1.24" }));
      return;
    }
    if (/\/containers\/[^/]+\/json$/.test(url)) isAsked(performance.now());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 20));
