/**
 * What machines on demand cost the queue: from the trigger of a build until its provider is asked, and
 * how much slower builds on workers that are there become while two hundred machines are being made. The
 * provider is a Docker engine that takes every question and never answers, so that nothing here is its.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startBuildbotWorker } from "../support/buildbot-worker";
import { PASSWORD, type Peer } from "./peer";
import { startSlipwayPeer } from "./slipway";

const AT_ONCE = 200;

export interface OnDemandFigures {
  /** Milliseconds, one for each build. */
  readonly asked: readonly number[];
  readonly alone: readonly number[];
  readonly beside: readonly number[];
}

export async function measureOnDemand(count: number): Promise<OnDemandFigures> {
  const engine = await startSilentEngine();
  const names = (prefix: string, many: number) =>
    Array.from({ length: many }, (_, index) => `${prefix}${index}`);
  const ones = names("one-", count);
  const many = names("many-", AT_ONCE);
  const builder = (name: string, worker: string) => ({
    name,
    workernames: [worker],
    factory: [{ type: "ShellCommand", command: ["echo", "hi"], logEnviron: false }],
  });
  const latent = { type: "DockerLatentWorker", docker_host: engine.address, image: "none" };
  const peer = await startSlipwayPeer(
    { workers: [], builders: [] },
    {
      workers: [
        { type: "Worker", name: "w1", password: PASSWORD },
        ...[...ones, ...many].map((name) => ({ ...latent, name })),
      ],
      projects: {
        bench: {
          builders: [
            builder("trivial", "w1"),
            ...[...ones, ...many].map((name) => builder(name, name)),
          ],
        },
      },
    },
  );
  const where = { host: "127.0.0.1", port: peer.workerPorts.pb };
  const worker = await startBuildbotWorker({ ...where, name: "w1", password: PASSWORD });
  try {
    while (!(await peer.connected()).includes("w1")) await soon();
    await builds(peer, 5);
    const alone = await builds(peer, count);
    const asked: number[] = [];
    for (const name of ones) {
      const from = performance.now();
      const heard = engine.askedFor(name);
      await peer.trigger(name);
      asked.push((await heard) - from);
    }
    await Promise.all(many.map((name) => peer.trigger(name)));
    const beside = await builds(peer, count);
    return { asked, alone, beside };
  } finally {
    await worker.stop();
    await peer.stop();
    await engine.stop();
  }
}

/** @returns milliseconds from each one's trigger to its end */
async function builds(peer: Peer, count: number): Promise<number[]> {
  const taken: number[] = [];
  for (let round = 0; round < count; round += 1) {
    const from = performance.now();
    await peer.finished(await peer.trigger("trivial"));
    taken.push(performance.now() - from);
  }
  return taken;
}

/** A container's name holds its worker's. */
async function startSilentEngine() {
  const waiting = new Map<string, (at: number) => void>();
  const server = createServer(({ url = "" }) => {
    for (const [worker, tell] of waiting) {
      if (!url.includes(`-${worker}-`)) continue;
      waiting.delete(worker);
      tell(performance.now());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    askedFor: (worker: string) =>
      new Promise<number>((resolve) => {
        waiting.set(worker, resolve);
      }),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 20));
