/** From a builder's documents to the one immutable value that the engine runs. Pure. */
import { createHash } from "node:crypto";
import type { JsonValue } from "../domain/properties";
import { buildDirectory, workerNames } from "./cross-check";
import type { BuilderOptions, OrganizationDocument } from "./schema";

export interface CompiledBuilder {
  readonly name: string;
  /** Below the worker's base directory. */
  readonly builddir: string;
  readonly env: BuilderOptions["env"];
  readonly properties: Record<string, JsonValue>;
  readonly defaultProperties: Record<string, JsonValue>;
  /** Of the organisation: set on every build, weaker than the builder's own. */
  readonly globalProperties: Record<string, JsonValue>;
  /** Left out when true, the default. */
  readonly collapseRequests?: false;
  readonly workernames: readonly string[];
  readonly pools?: readonly string[];
  readonly labels?: readonly string[];
  /** As written: defaults are filled in when a build begins. */
  readonly steps: BuilderOptions["factory"];
}

export function compileBuilder(
  builder: BuilderOptions,
  organization: OrganizationDocument,
): CompiledBuilder {
  return {
    name: builder.name,
    builddir: buildDirectory(builder),
    env: builder.env ?? {},
    properties: (builder.properties ?? {}) as Record<string, JsonValue>,
    defaultProperties: (builder.defaultProperties ?? {}) as Record<string, JsonValue>,
    globalProperties: (organization.properties ?? {}) as Record<string, JsonValue>,
    ...((builder.collapseRequests ?? organization.collapseRequests ?? true)
      ? {}
      : { collapseRequests: false }),
    workernames: workerNames(builder),
    ...(builder.pools ? { pools: builder.pools } : {}),
    ...(builder.labels ? { labels: builder.labels } : {}),
    steps: builder.factory,
  };
}

/** JSON with the keys in order, so that equal values have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}

export function configHash(value: unknown): Buffer {
  return createHash("sha256").update(canonicalJson(value)).digest();
}
