/**
 * What a container for each build costs beside the container and the build: a build of a
 * DockerLatentWorker with `build_wait_timeout` 0, from its trigger to its end, against the same done by
 * hand: the build is triggered for a static worker that is away, and its container is run at once, of the
 * same image with the same command. In turns, on an engine of the run's own.
 */
import { hasBuildbotWorker } from "../support/buildbot-worker";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine";
import { dockerWorkers } from "../support/docker-workers";
import { PASSWORD, type Peer } from "./peer";
import { startSlipwayPeer } from "./slipway";

export interface DockerFigures {
  /** Which worker is in the image. */
  readonly kind: "slipway" | "buildbot";
  readonly latent: readonly number[];
  readonly byHand: readonly number[];
}

/** @returns null, and says why, where there is no engine to measure with */
export async function measureDocker(count: number): Promise<DockerFigures[] | null> {
  const engine = await startDockerEngine();
  if (!engine) return null;
  const workers = await dockerWorkers(engine);
  const kinds = hasBuildbotWorker() ? (["slipway", "buildbot"] as const) : (["slipway"] as const);
  const latent = { type: "DockerLatentWorker", max_builds: 1, build_wait_timeout: 0 };
  const builder = (name: string) => ({
    name,
    workernames: [name],
    factory: [{ type: "ShellCommand", command: ["echo", "hi"], logEnviron: false }],
  });
  const peer = await startSlipwayPeer(
    { workers: [], builders: [] },
    {
      workers: kinds.flatMap((kind) => [
        { ...latent, ...workers[kind], name: `latent-${kind}` },
        { type: "Worker", name: `hand-${kind}`, password: PASSWORD, max_builds: 1 },
      ]),
      projects: {
        bench: {
          builders: kinds.flatMap((kind) => [builder(`latent-${kind}`), builder(`hand-${kind}`)]),
        },
      },
    },
  );
  try {
    const figures: DockerFigures[] = [];
    for (const kind of kinds) {
      const taken = { latent: [] as number[], byHand: [] as number[] };
      for (let round = -1; round < count; round += 1) {
        const made = await buildOf(peer, `latent-${kind}`, () => {});
        await isEmpty(engine);
        const run = () => runByHand(engine, peer, `hand-${kind}`, workers[kind]);
        const hand = await buildOf(peer, `hand-${kind}`, run);
        await engine.docker.getContainer(`hand-${kind}`).remove({ force: true });
        while ((await peer.connected()).includes(`hand-${kind}`)) await soon();
        // The first is for warmth.
        if (round < 0) continue;
        taken.latent.push(made);
        taken.byHand.push(hand);
      }
      figures.push({ kind, ...taken });
    }
    return figures;
  } finally {
    await peer.stop();
    await engine.stop();
    workers.remove();
  }
}

/** @returns milliseconds from its trigger to its end */
async function buildOf(
  peer: Peer,
  builder: string,
  meanwhile: () => Promise<void> | void,
): Promise<number> {
  const from = performance.now();
  const id = await peer.trigger(builder);
  await Promise.all([peer.finished(id), meanwhile()]);
  const took = performance.now() - from;
  const result = await peer.result(id);
  if (result !== 0) throw new Error(`a build of ${builder} ended with result ${result}`);
  return took;
}

/** What `docker run` does. */
async function runByHand(
  { docker }: DockerEngine,
  peer: Peer,
  name: string,
  options: object,
): Promise<void> {
  const { image, command, volumes } = options as {
    readonly image: string;
    readonly command: string[];
    readonly volumes: string[];
  };
  const container = await docker.createContainer({
    ...{ name, Image: image, Cmd: command },
    Env: [
      ...["BUILDMASTER=127.0.0.1", `BUILDMASTER_PORT=${peer.workerPorts.pb}`],
      ...["BUILDMASTER_PROTOCOL=pb", `WORKERNAME=${name}`, `WORKERPASS=${PASSWORD}`],
    ],
    HostConfig: { NetworkMode: "host", Binds: volumes, Init: true },
  });
  await container.start();
}

async function isEmpty(engine: DockerEngine): Promise<void> {
  while ((await engine.containers()).length > 0) await soon();
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 20));
