/**
 * The latent drivers there are, by the class name of the workers they serve. One line for each; used
 * by the process that drives latent workers, and by nobody else.
 */
import type { LatentDriverKind } from "./contract";
import { type DockerSurroundings, dockerDriver } from "./docker";
import type { LatentWorkerType } from "./driver-schema";
import { type LocalHost, localDriver } from "./local";

/** What this host lends to drivers. */
export interface DriverHost {
  /** Null: nothing of it is lent. */
  readonly local: LocalHost | null;
  readonly docker: DockerSurroundings;
}

export function openDrivers({ local, docker }: DriverHost): ReadonlyMap<string, LatentDriverKind> {
  const kinds: [LatentWorkerType, LatentDriverKind][] = [];
  const add = <Config>(type: LatentWorkerType, kind: LatentDriverKind<Config>) =>
    kinds.push([type, kind as LatentDriverKind]);
  if (local) add("LocalLatentWorker", localDriver(local));
  add("DockerLatentWorker", dockerDriver(docker));
  return new Map(kinds);
}
