/**
 * The documents of an organisation and of a project (CONTRACT, Configuration). Option names are
 * Buildbot's. Nothing is filled in here: what is stored is what was written.
 */
import { z } from "zod";
import { lockAccesses, lockName, MOST_COUNT } from "../domain/locks";
import type { ReporterOptions } from "../reporters/reporter-schema";
import { environment, name, pattern, properties, strict } from "./fields";
import { type PoolDocument, poolLabel, poolSchema } from "./pool-schema";
import type { Texts } from "./split-text";
import type { WorkerOptions } from "./worker-schema";

/** Relative, below the worker's base directory. */
const directory = name(200).refine(
  (value) => !value.startsWith("/") && !value.split(/[/\\]/).includes("..") && !/^\w:/.test(value),
  "must be a relative path below the worker's base directory",
);

/** Whether a waiting request gives way to a newer one for the same branch. */
const collapseRequests = z
  .boolean({ error: "must be true or false: a rule would be a program" })
  .optional();

export const builderSchema = strict(
  {
    name: name(70),
    workername: z.string().optional(),
    workernames: z.array(z.string()).optional(),
    pools: z.array(z.string()).max(100).optional().meta({
      description: "Pools whose workers its builds may use, as well as those in workernames.",
    }),
    labels: z
      .array(poolLabel)
      .max(50)
      .optional()
      .meta({ description: "Its builds may use every pool that has all of these labels." }),
    tags: z.array(name(100)).optional(),
    description: z.string().max(10_000).nullable().optional(),
    builddir: directory.optional(),
    workerbuilddir: directory.optional(),
    env: environment.optional(),
    properties: properties.optional(),
    defaultProperties: properties.optional(),
    canStartBuild: z
      .literal("enforceChosenWorker", {
        error: "must be enforceChosenWorker: give a request to the worker that it names, if any",
      })
      .optional(),
    collapseRequests,
    locks: lockAccesses
      .optional()
      .meta({ description: "Locks that each build holds from its start to its end." }),
    /** Each step is checked with the schema of its type. */
    factory: z.array(z.looseObject({ type: z.string() })),
  },
  {
    later: [
      "workerSelector",
      "description_format",
      "nextWorker",
      "nextBuild",
      "do_build_if",
      "project",
    ],
  },
);

const repositories = z.union([z.string().max(2_000), z.array(z.string().max(2_000)).max(100)], {
  error: "must be the address of a repository, or a list of them",
});

/** What a build is made of, each with the repositories it lives in (forks). */
const codebases = z.union(
  [
    z.array(z.string().max(200)).min(1).max(100),
    z.record(
      z.string().max(200),
      strict({
        repository: repositories.optional(),
        branch: z.string().max(500).nullable().optional(),
        revision: z.string().max(500).nullable().optional(),
        project: z.string().max(500).optional(),
      }).nullable(),
    ),
  ],
  { error: "must be a list of names, or a map of names to {repository, branch, revision}" },
);

const typed = z.looseObject({ type: z.string() });

export const projectSchema = strict(
  {
    description: z.string().max(10_000).optional(),
    builders: z.array(builderSchema).optional(),
    /** Each is checked with the schema of its type. */
    schedulers: z.array(typed).max(1_000).optional(),
    change_source: z
      .union([typed, z.array(typed).max(1_000)], {
        error: "must be {type: GitPoller, …} or a list of these",
      })
      .optional(),
    codebases: codebases.optional(),
  },
  { later: ["reporters", "locks", "description_format"] },
);

/** What people may say where they start builds; each a pattern, matched from the start. */
const validation = strict({
  branch: pattern.optional(),
  revision: pattern.optional(),
  property_name: pattern.optional(),
  property_value: pattern.optional(),
});

const lockCount = z.number().int().min(1).max(MOST_COUNT);

const locks = z
  .array(
    z.discriminatedUnion(
      "type",
      [
        strict({ type: z.literal("MasterLock"), name: lockName, maxCount: lockCount.optional() }),
        strict({
          type: z.literal("WorkerLock"),
          name: lockName,
          maxCount: lockCount.optional(),
          maxCountForWorker: z.record(z.string(), lockCount).optional(),
        }),
      ],
      { error: "must have a type: MasterLock, one for all workers, or WorkerLock, one on each" },
    ),
  )
  .max(1_000)
  .meta({ description: "What builds take turns at: named by workers, builders and steps." });

export type LockOptions = z.output<typeof locks>[number];

/** Workers are checked one by one with the schema of their type. */
export const organizationShape = {
  locks: locks.optional(),
  workers: z.array(z.looseObject({ type: z.string() })).optional(),
  /** The template of each is checked with the schema of its type. */
  pools: z.array(poolSchema).max(1_000).optional().meta({
    description: "Workers that are made as builds need them.",
  }),
  properties: properties.optional(),
  validation: validation.optional(),
  /** Each is checked with the schema of its type. */
  reporters: z.array(typed).max(100).optional(),
  collapseRequests,
};

export const fileSchema = strict(
  { ...organizationShape, projects: z.record(name(70), projectSchema.nullable()).optional() },
  {
    later: [
      "secrets",
      "services",
      "schedulers",
      "change_source",
      "codebases",
      "title",
      "titleURL",
      "buildbotURL",
      "protocols",
      "prioritizeBuilders",
      "select_next_worker",
      "logEncoding",
      "logCompressionMethod",
      "logCompressionLimit",
      "logMaxSize",
      "logMaxTailSize",
      "revlink",
      "codebaseGenerator",
      "www",
      "change_hooks",
    ],
  },
);

export type BuilderOptions = z.output<typeof builderSchema>;

export interface OrganizationDocument {
  readonly workers?: readonly WorkerOptions[];
  readonly pools?: readonly PoolDocument[];
  readonly locks?: readonly LockOptions[];
  readonly properties?: z.output<typeof properties>;
  readonly validation?: z.output<typeof validation>;
  readonly reporters?: readonly ReporterOptions[];
  readonly collapseRequests?: boolean;
}

export type ProjectDocument = z.output<typeof projectSchema>;

/** What a file holds: documents it does not mention are not touched. */
export interface Documents {
  readonly organization: OrganizationDocument | null;
  readonly projects: Readonly<Record<string, ProjectDocument>>;
  /** As a person wrote them; what is missing here was made by a program. */
  readonly texts?: Texts;
}
