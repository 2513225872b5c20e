/**
 * What must hold between the documents: names are unique in the organisation, builders name workers
 * that exist, directories are not shared by accident. Pure.
 */

import { checkDisks } from "./cross-check-disks";
import { checkLocks } from "./cross-check-locks";
import { checkBuilderPools, checkPools } from "./cross-check-pools";
import { checkReporters } from "./cross-check-reporters";
import { checkChangeSources, checkSchedulers } from "./cross-check-schedulers";
import { checkWorkerDirectories } from "./cross-check-workers";
import { nearest, quote } from "./fields";
import type { Problem } from "./problems";
import type { BuilderOptions, Documents } from "./schema";
import type { Path } from "./source";

/**
 * @param documents all documents of the organisation, or those of one file; without the
 *   organisation's own, names of workers are not judged
 */
export function crossCheck(documents: Documents): Problem[] {
  const workers = documents.organization?.workers ?? (documents.organization ? [] : null);
  return [
    ...duplicates(
      (workers ?? []).map((worker, index) => ({
        name: worker.name,
        path: ["workers", index, "name"],
        what: "worker",
      })),
    ),
    ...duplicates(
      placedBuilders(documents).map(({ builder, path }) => ({
        name: builder.name,
        path: [...path, "name"],
        what: "builder",
      })),
    ),
    ...placedBuilders(documents).flatMap(({ builder, path }) =>
      workerProblems(builder, path, workers?.map((worker) => worker.name) ?? null),
    ),
    ...checkPools(documents.organization ?? {}),
    ...(documents.organization
      ? placedBuilders(documents).flatMap(({ builder, path }) =>
          checkBuilderPools(builder, path, documents.organization?.pools ?? []),
        )
      : []),
    ...checkWorkerDirectories(workers ?? []),
    ...checkDisks(documents.organization ?? {}),
    ...checkReporters(documents.organization ?? {}),
    ...sharedDirectories(documents),
    ...checkLocks(documents),
    ...checkSchedulers(documents),
    ...checkChangeSources(documents),
  ];
}

export interface PlacedBuilder {
  readonly project: string;
  readonly builder: BuilderOptions;
  readonly path: Path;
}

export function placedBuilders(documents: Documents): PlacedBuilder[] {
  return Object.entries(documents.projects).flatMap(([project, document]) =>
    (document.builders ?? []).map((builder, index) => ({
      project,
      builder,
      path: ["projects", project, "builders", index],
    })),
  );
}

export function workerNames(builder: BuilderOptions): string[] {
  const single = builder.workername === undefined ? [] : [builder.workername];
  return [...new Set([...single, ...(builder.workernames ?? [])])];
}

/** Buildbot's rule in our words: what a file system may not like becomes an underscore. */
export function buildDirectory(builder: BuilderOptions): string {
  return builder.workerbuilddir ?? ownDirectory(builder);
}

function ownDirectory(builder: BuilderOptions): string {
  return (
    builder.builddir ?? builder.name.replaceAll(/[^\p{L}\p{N}_.-]/gu, "_").replace(/^\.+/, "_")
  );
}

function workerProblems(
  builder: BuilderOptions,
  path: Path,
  known: readonly string[] | null,
): Problem[] {
  const key = builder.workernames === undefined ? "workername" : "workernames";
  const names = workerNames(builder);
  if (names.length === 0) {
    if (builder.pools !== undefined || builder.labels !== undefined) return [];
    const message = `builder ${quote(builder.name)} needs at least one worker in workernames, or a pool in pools`;
    return [{ path, message, of: "value" }];
  }
  if (known === null) return [];
  return names
    .filter((name) => name !== undefined && !known.includes(name))
    .map((name) => {
      const near = nearest(name, known);
      const hint = near === null ? "" : `: did you mean ${quote(near)}?`;
      const index = builder.workernames?.indexOf(name) ?? -1;
      return {
        path: index >= 0 ? [...path, "workernames", index] : [...path, key],
        message: `there is no worker ${quote(name)}${hint}`,
        of: "value",
      };
    });
}

export function duplicates(items: { name: string; path: Path; what: string }[]): Problem[] {
  const seen = new Set<string>();
  return items.flatMap(({ name, path, what }): Problem[] => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ path, message: `there is another ${what} ${quote(name)}`, of: "value" }];
  });
}

/** A builder's own directory is its own; sharing one on the worker must be written out. */
function sharedDirectories(documents: Documents): Problem[] {
  const owners = new Map<string, string>();
  return placedBuilders(documents).flatMap(({ builder, path }): Problem[] => {
    const directory = ownDirectory(builder);
    const owner = owners.get(directory);
    if (owner === undefined) owners.set(directory, builder.name);
    if (owner === undefined || owner === builder.name) return [];
    const message = `directory ${quote(directory)} belongs to builder ${quote(owner)}; set builddir`;
    return [{ path: builder.builddir ? [...path, "builddir"] : path, message, of: "value" }];
  });
}
