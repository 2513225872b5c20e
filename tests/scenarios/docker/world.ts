/** What the tests of Docker workers have in common: an engine, an installation, and workers for it. */
import { setTimeout } from "node:timers/promises";
import { type Builds, buildsIn } from "../../support/builds-in";
import type { DockerEngine } from "../../support/docker-engine";
import { type DockerWorkers, dockerWorkers } from "../../support/docker-workers";
import { OPERATOR_ENV, type Operator, operate } from "../../support/provider-sweep";
import { type SlipwayInstance, startSlipway } from "../../support/slipway-instance";

export const SUCCESS = 0;
export const EXCEPTION = 4;
export const RETRY = 5;

export interface DockerWorld extends Builds {
  readonly engine: DockerEngine;
  /** These are there when it was started. */
  readonly slipway: SlipwayInstance;
  readonly operator: Operator;
  readonly workers: DockerWorkers;
  apply(latent: readonly object[], builders: readonly object[]): Promise<void>;
  /** Waits until the engine has no container. */
  allGone(): Promise<void>;
  start(): Promise<void>;
  /** All but the engine. */
  stop(): Promise<void>;
}

export function dockerWorld(engine: DockerEngine): DockerWorld {
  let slipway: SlipwayInstance | undefined;
  let operator: Operator | undefined;
  let workers: DockerWorkers | undefined;
  const started = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error("it is not started");
    return value;
  };
  return {
    ...buildsIn(() => started(slipway)),
    engine,
    get slipway() {
      return started(slipway);
    },
    get operator() {
      return started(operator);
    },
    get workers() {
      return started(workers);
    },
    apply: (latent, builders) =>
      started(slipway).apply({ workers: latent, projects: { p: { builders } } }),
    async allGone() {
      while ((await engine.containers()).length > 0) await setTimeout(50);
    },
    async start() {
      workers = await dockerWorkers(engine);
      slipway = await startSlipway({ env: OPERATOR_ENV });
      operator = await operate(slipway);
    },
    async stop() {
      await slipway?.stop();
      workers?.remove();
    },
  };
}

export const builder = (
  name: string,
  workernames: readonly string[],
  command: string | string[],
) => ({
  ...{ name, workernames },
  factory: [{ type: "ShellCommand", command, logEnviron: false }],
});

export const docker = (name: string, options: object) => ({
  ...{ type: "DockerLatentWorker", name, max_builds: 1 },
  ...options,
});
