/**
 * The options of every kind of latent worker, by Buildbot's class name: what a document may say of its
 * driver, and what forms are drawn from. What all latent workers have is not here.
 */
import { BUILD_WAIT_SECONDS } from "../domain/latent";
import {
  DOCKER_RENDERED,
  dockerLatentOptions,
  dockerProblems,
  dockerWarnings,
} from "./docker/schema";
import { libvirtBuildWaitSeconds, libvirtOptions, libvirtProblems } from "./libvirt/schema";
import { localLatentOptions } from "./local/schema";

export const latentWorkerOptions = {
  DockerLatentWorker: dockerLatentOptions,
  LocalLatentWorker: localLatentOptions,
  LibVirtWorker: libvirtOptions,
} as const;

export type LatentWorkerType = keyof typeof latentWorkerOptions;

/** Those that run programs on the server's own host, which a hosted installation lends to nobody. */
export const ON_THE_SERVER: readonly LatentWorkerType[] = ["LocalLatentWorker", "LibVirtWorker"];

/**
 * Options that are rendered for the build that a machine is made for, so that a machine serves only
 * builds for which they come to the same (W-120). The others are plain values, apart from secrets.
 */
export const RENDERED_OPTIONS: Readonly<Partial<Record<LatentWorkerType, readonly string[]>>> = {
  DockerLatentWorker: DOCKER_RENDERED,
};

/** `build_wait_timeout` where a document does not say; some depend on the other options. */
const BUILD_WAIT: Readonly<
  Partial<Record<LatentWorkerType, (options: Readonly<Record<string, unknown>>) => number>>
> = { DockerLatentWorker: () => 0, LibVirtWorker: libvirtBuildWaitSeconds };

export function buildWaitSeconds(type: string, options: Readonly<Record<string, unknown>>): number {
  return BUILD_WAIT[type as LatentWorkerType]?.(options) ?? BUILD_WAIT_SECONDS;
}

export function isLatentType(type: string): type is LatentWorkerType {
  return Object.hasOwn(latentWorkerOptions, type);
}

/** Of an option, or of several together. */
export interface OptionProblem {
  readonly path: readonly string[];
  readonly message: string;
}

type Judge = (
  options: Readonly<Record<string, unknown>>,
  where: { readonly isHosted?: boolean },
) => OptionProblem[];

const PROBLEMS: Readonly<Partial<Record<LatentWorkerType, Judge>>> = {
  DockerLatentWorker: dockerProblems,
  LibVirtWorker: libvirtProblems,
};

const WARNINGS: Readonly<Partial<Record<LatentWorkerType, Judge>>> = {
  DockerLatentWorker: dockerWarnings,
};

/** What a schema of one option does not say. */
export const latentProblems = (type: LatentWorkerType, ...of: Parameters<Judge>) =>
  PROBLEMS[type]?.(...of) ?? [];

/** What is worth knowing of options that are right. */
export const latentWarnings = (type: LatentWorkerType, ...of: Parameters<Judge>) =>
  WARNINGS[type]?.(...of) ?? [];
