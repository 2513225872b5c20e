/** What a pool's workers may be made from, by Buildbot's class name: all but what the pool decides. */
import { z } from "zod";
import { isJoined } from "../domain/pools/options";
import { quote, unknownKey } from "./fields";
import type { PoolDocument } from "./pool-schema";
import { workerSchemas } from "./worker-schema";

/** Of the pool itself, under names of its own. */
const OF_THE_POOL: Readonly<Record<string, string>> = {
  name: "the pool names its workers",
  password: "each machine has a password of its own",
  max_builds: "that is the pool's maxBuildsPerWorker",
  build_wait_timeout: "that is the pool's idleTimeout",
};

type WorkerType = keyof typeof workerSchemas;

/** A LocalWorker is one on the server's own host; there is no second of its kind to be made. */
export const POOL_WORKER_TYPES = (Object.keys(workerSchemas) as WorkerType[]).filter(
  (type) => type !== "LocalWorker",
);

function templateOf(type: WorkerType): z.ZodObject {
  const shape = Object.fromEntries(
    Object.entries(workerSchemas[type].shape).filter(([key]) => !(key in OF_THE_POOL)),
  );
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? (issue.keys as string[])
            .map((key) =>
              Object.hasOwn(OF_THE_POOL, key)
                ? `${quote(key)} does not belong here: ${OF_THE_POOL[key]}`
                : unknownKey(key, Object.keys(shape)),
            )
            .join("\n")
        : undefined,
  });
}

export const poolTemplates: ReadonlyMap<string, z.ZodObject> = new Map(
  POOL_WORKER_TYPES.map((type) => [type, templateOf(type)]),
);

/** Options that mean nothing where others make the machines. */
const OF_OUR_MACHINES = [
  ...["idleTimeout", "maxLifetime", "maxBuildsPerInstance", "scaleUpRate", "budget"],
] as const satisfies readonly (keyof PoolDocument)[];

/** @returns the options that a pool of this kind cannot have */
export function uselessOptions(pool: Partial<PoolDocument>): string[] {
  if (!isJoined(String(pool.worker?.type))) return [];
  return OF_OUR_MACHINES.filter((option) => pool[option] !== undefined);
}
