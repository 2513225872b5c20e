/**
 * The latent drivers there are, by the class name of the workers they serve. One line for each; used
 * by the process that drives latent workers, and by nobody else.
 */
import type { LatentDriverKind } from "./contract";
import { type DockerSurroundings, dockerDriver } from "./docker";
import type { LatentWorkerType } from "./driver-schema";
import { type LibVirtHost, libvirtDriver } from "./libvirt";
import { type LocalHost, localDriver } from "./local";

/** What this host lends to drivers. */
export interface DriverHost {
  /** Null: nothing of it is lent. */
  readonly local: LocalHost | null;
  readonly docker: DockerSurroundings;
  readonly libvirt: LibVirtHost | null;
}

export function openDrivers(host: DriverHost): ReadonlyMap<string, LatentDriverKind> {
  const { local, docker, libvirt } = host;
  const kinds: [LatentWorkerType, LatentDriverKind][] = [];
  const add = <Config>(type: LatentWorkerType, kind: LatentDriverKind<Config>) =>
    kinds.push([type, kind as LatentDriverKind]);
  if (local) add("LocalLatentWorker", localDriver(local));
  add("DockerLatentWorker", dockerDriver(docker));
  if (libvirt) add("LibVirtWorker", libvirtDriver(libvirt));
  return new Map(kinds);
}
