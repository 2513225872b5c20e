/**
 * Checks a configuration file as far as that is possible without the installation: everything that
 * is wrong, each with its line and column, not only the first (C-002). Pure.
 */
import { z } from "zod";
import {
  CHANGE_SOURCE_TYPES_LATER,
  changeSourceSchema,
} from "../change-sources/change-source-schema";
import { isPrivateHost, repositoryProblem } from "../domain/git";
import { issuesAsWritten, templateProblems } from "../domain/properties";
import {
  isLatentType,
  type LatentWorkerType,
  latentProblems,
  ON_THE_SERVER,
  RENDERED_OPTIONS,
} from "../drivers/driver-schema";
import {
  REPORTER_OPTIONS_LATER,
  REPORTER_TYPES_LATER,
  type ReporterOptions,
  reporterSchema,
} from "../reporters/reporter-schema";
import {
  SCHEDULER_OPTIONS_LATER,
  SCHEDULER_TYPES_LATER,
  schedulerSchema,
} from "../schedulers/scheduler-schema";
import { FIXED_STEP_OPTIONS } from "../steps/schema";
import { stepSchema } from "../steps/step-schema";
import { crossCheck } from "./cross-check";
import { nearest, quote, unknownKey } from "./fields";
import { legible, list, record } from "./legible";
import type { PoolDocument } from "./pool-schema";
import { poolTemplates, uselessOptions } from "./pool-templates";
import { type Problem, problemsOf } from "./problems";
import { type Documents, fileSchema, organizationShape } from "./schema";
import { type ConfigError, type Path, pathText, readSource, type Source } from "./source";
import { hasContent, ownText as own, splitText } from "./split-text";
import { WORKER_TYPES_LATER, type WorkerOptions, workerSchemas } from "./worker-schema";

/** What a text is: a file that holds documents, or one document alone. */
export type Target = "all" | "organization" | { readonly project: string };

export interface CheckOptions {
  /** Organisations are strangers: nothing may run on the server's own host. */
  readonly isHosted?: boolean;
  readonly target?: Target;
  /** The file is the whole configuration: the organisation's document is held even when it is empty. */
  readonly isWhole?: boolean;
}

export interface Checked {
  readonly errors: readonly ConfigError[];
  /** Null when there are errors. */
  readonly documents: Documents | null;
  /** Gives places to problems that show only later, at activation. */
  locate(problems: readonly Problem[]): ConfigError[];
}

export function checkConfig(text: string, options: CheckOptions = {}): Checked {
  const { target = "all" } = options;
  const source = readTarget(text, target);
  const base = basePath(target);
  const locate = (problems: readonly Problem[]): ConfigError[] =>
    problems
      .map(({ path, message, of }) => {
        const inside = base.every((step, index) => path[index] === step);
        const own = inside ? path.slice(base.length) : path;
        return { path: pathText(own), ...source.place(inside ? own : [], of), message };
      })
      .sort(inOrder);
  if (source.value === undefined) return { errors: source.errors, documents: null, locate };

  const file = base.reduceRight<unknown>((value, key) => ({ [key]: value }), source.value);
  const { problems, documents } = checkForm(file, options);
  problems.push(...crossCheck(legible(file)));
  if (target === "organization" && "projects" in record(file)) problems.push(NO_PROJECTS_HERE);
  const errors = [...source.errors, ...locate(problems)].sort(inOrder);
  return {
    errors,
    documents: errors.length > 0 || !documents ? null : withTexts(documents, text, source, options),
    locate,
  };
}

const NO_PROJECTS_HERE: Problem = {
  path: ["projects"],
  message: "a project has a document of its own",
  of: "key",
};

const basePath = (target: Target): string[] =>
  typeof target === "string" ? [] : ["projects", target.project];

const inOrder = (a: ConfigError, b: ConfigError) => a.line - b.line || a.column - b.column;

/** A document of its own may say nothing; a file must hold something. */
function readTarget(text: string, target: Target): Source {
  if (target === "all" || hasContent(text)) return readSource(text);
  return { value: {}, errors: [], document: null, place: () => ({ line: 1, column: 1 }) };
}

function withTexts(
  documents: Documents,
  text: string,
  { document }: Source,
  { target = "all", isWhole = false }: CheckOptions,
): Documents {
  const held = {
    ...documents,
    organization:
      documents.organization ??
      ((isWhole && target === "all") || target === "organization" ? {} : null),
  };
  if (typeof target === "object") {
    return { ...held, texts: { organization: null, projects: { [target.project]: own(text) } } };
  }
  if (target === "organization" || document === null) {
    return { ...held, texts: { organization: own(text), projects: {} } };
  }
  return { ...held, texts: splitText(text, document, held) };
}

/** What can be said of each thing alone. */
export function checkForm(
  value: unknown,
  options: CheckOptions = {},
): { problems: Problem[]; documents: Documents | null } {
  const parsed = fileSchema.safeParse(value);
  const problems = parsed.success ? [] : problemsOf(parsed.error, value);
  problems.push(...itemProblems(value, options));
  if (!parsed.success || problems.length > 0) return { problems, documents: null };
  return { problems, documents: asDocuments(parsed.data) };
}

function asDocuments(file: ReturnType<typeof fileSchema.parse>): Documents {
  const { projects = {}, ...organization } = file;
  const isHeld = Object.keys(organizationShape).some((key) => key in organization);
  return {
    organization: isHeld
      ? {
          ...organization,
          workers: organization.workers as WorkerOptions[] | undefined,
          reporters: organization.reporters as ReporterOptions[] | undefined,
        }
      : null,
    projects: Object.fromEntries(
      Object.entries(projects).map(([name, project]) => [name, project ?? {}]),
    ),
  };
}

/** What carries a type that decides which schema counts. */
function itemProblems(value: unknown, options: CheckOptions): Problem[] {
  const file = record(value);
  const workers = list(file.workers).flatMap((worker, index) =>
    workerProblems(worker, ["workers", index], options),
  );
  const pools = list(file.pools).flatMap((pool, index) =>
    poolProblems(record(pool), ["pools", index], options),
  );
  const projects = Object.entries(record(file.projects)).flatMap(([project, document]) =>
    projectProblems(record(document), ["projects", project], options),
  );
  const reporters = list(file.reporters).flatMap((reporter, index) => [
    ...kindProblems(REPORTERS, reporter, ["reporters", index]),
    ...relayProblems(reporter, ["reporters", index], options),
  ]);
  return [...workers, ...pools, ...reporters, ...projects];
}

function projectProblems(
  document: Readonly<Record<string, unknown>>,
  path: Path,
  options: CheckOptions,
): Problem[] {
  const { change_source: source } = document;
  const sources: [unknown, Path][] = Array.isArray(source)
    ? source.map((one, index) => [one, [...path, "change_source", index]])
    : [[source, [...path, "change_source"]]];
  return [
    ...list(document.builders).flatMap((builder, b) => [
      ...templatesIn(record(builder).env, [...path, "builders", b, "env"]),
      ...list(record(builder).factory).flatMap((step, s) =>
        kindProblems(STEPS, step, [...path, "builders", b, "factory", s]),
      ),
    ]),
    ...list(document.schedulers).flatMap((scheduler, index) =>
      kindProblems(SCHEDULERS, scheduler, [...path, "schedulers", index]),
    ),
    ...sources.flatMap(([one, at]) => [
      ...kindProblems(CHANGE_SOURCES, one, at),
      ...hostedProblems(one, at, options),
    ]),
  ];
}

/** What a hosted installation fetches must not be its own. */
function hostedProblems(source: unknown, path: Path, options: CheckOptions): Problem[] {
  const { repourl } = record(source);
  if (typeof repourl !== "string" || !options.isHosted) return [];
  if (repositoryProblem(repourl) !== null) return [];
  const message = repositoryProblem(repourl, options);
  return message === null ? [] : [{ path: [...path, "repourl"], message, of: "value" }];
}

/** Nor must the mail server be; what its name leads to is looked at when a mail is sent. */
function relayProblems(reporter: unknown, path: Path, options: CheckOptions): Problem[] {
  const { type, relayhost = "localhost" } = record(reporter);
  if (type !== "MailNotifier" || typeof relayhost !== "string" || !options.isHosted) return [];
  if (!isPrivateHost(relayhost)) return [];
  const message = "is in the server's own network, which this installation lends to nobody";
  return "relayhost" in record(reporter)
    ? [{ path: [...path, "relayhost"], message, of: "value" }]
    : [{ path, message: `relayhost is localhost when left out: it ${message}`, of: "value" }];
}

/** Its template, and what means nothing where others make the machines. */
function poolProblems(
  pool: Readonly<Record<string, unknown>>,
  path: Path,
  options: CheckOptions,
): Problem[] {
  const useless = uselessOptions(pool as Partial<PoolDocument>).map(
    (option): Problem => ({
      path: [...path, option],
      message: `${quote(option)} is for machines that Slipway makes; those of a pool of Workers join it by themselves`,
      of: "key",
    }),
  );
  const template = workerProblems(pool.worker, [...path, "worker"], options, poolTemplates);
  return [...template, ...useless];
}

function workerProblems(
  worker: unknown,
  path: Path,
  options: CheckOptions,
  schemas: ReadonlyMap<string, z.ZodObject> = WORKERS,
): Problem[] {
  const { type } = record(worker);
  if (typeof type !== "string") return [];
  const schema = schemas.get(type);
  if (!schema) return unknownType("worker", type, [...schemas.keys()], WORKER_TYPES_LATER, path);
  const isHere = type === "LocalWorker" || ON_THE_SERVER.some((one) => one === type);
  if (isHere && options.isHosted) {
    const message = `a ${type} runs on the server's own host, which this installation lends to nobody`;
    return [{ path: [...path, "type"], message, of: "value" }];
  }
  const fixed = isLatentType(type) ? fixedOptions(type) : null;
  if (fixed === null) {
    const parsed = schema.safeParse(worker);
    return parsed.success ? [] : problemsOf(parsed.error, worker, path);
  }
  const issues = issuesAsWritten(schema, worker, fixed);
  const driver = Object.fromEntries(
    Object.entries(record(worker)).filter(([key]) => !fixed.includes(key)),
  );
  return [
    ...problemsOf(new z.ZodError(issues), worker, path),
    ...templatesIn(driver, path),
    ...(isLatentType(type) ? together(type, record(worker), path, options) : []),
  ];
}

/** What its driver says of its options together, and of where this is. */
function together(
  type: LatentWorkerType,
  worker: Readonly<Record<string, unknown>>,
  path: Path,
  options: CheckOptions,
): Problem[] {
  return latentProblems(type, worker, options).map((problem) => ({
    ...{ path: [...path, ...problem.path], message: problem.message },
    of: problem.path.length === 0 ? "key" : "value",
  }));
}

const WORKERS: ReadonlyMap<string, z.ZodObject> = new Map(Object.entries(workerSchemas));

/** All but those of its driver that are rendered for a build. */
function fixedOptions(type: LatentWorkerType): string[] {
  const rendered = RENDERED_OPTIONS[type] ?? [];
  return Object.keys(workerSchemas[type].shape).filter((key) => !rendered.includes(key));
}

/** Things of one seam: their schemas by type, and what we know of and cannot serve yet. */
interface Kinds {
  readonly what: "step" | "scheduler" | "change source" | "reporter";
  readonly schemas: ReadonlyMap<string, z.ZodObject>;
  readonly typesLater: readonly string[];
  readonly optionsLater: readonly string[];
  /** Options that must be plain values; the others may be renderables. Absent: all must. */
  readonly fixed?: readonly string[];
  /** Types whose texts may be templates although their options are read as written. */
  readonly templatesOf?: readonly string[];
}

const byType = (options: readonly (z.ZodObject & { shape: { type: z.ZodLiteral } })[]) =>
  new Map(options.map((schema) => [String(schema.shape.type.value), schema]));

const STEPS: Kinds = {
  what: "step",
  schemas: byType(stepSchema.options),
  /** Buildbot's, so that one we do not have is not taken for a slip of the pen. */
  typesLater: [
    ...["GitHub", "GitLab", "Mercurial", "SVN", "Trigger", "Compile", "Configure", "Test"],
    ...["ShellSequence", "FileUpload", "FileDownload", "DirectoryUpload", "MultipleFileUpload"],
    ...["StringDownload", "JSONStringDownload", "MasterShellCommand"],
    ...["Assert", "GET", "POST", "PUT", "HTTPStep"],
    ...["LogRenderable", "TreeSize"],
  ],
  optionsLater: ["logEncoding", "updateBuildSummaryPolicy", "lazylogfiles", "extract_fn"],
  fixed: FIXED_STEP_OPTIONS,
};

const SCHEDULERS: Kinds = {
  what: "scheduler",
  schemas: byType(schedulerSchema.options),
  typesLater: SCHEDULER_TYPES_LATER,
  optionsLater: SCHEDULER_OPTIONS_LATER,
  templatesOf: ["SingleBranchScheduler", "AnyBranchScheduler"],
};

const CHANGE_SOURCES: Kinds = {
  what: "change source",
  schemas: byType(changeSourceSchema.options),
  typesLater: CHANGE_SOURCE_TYPES_LATER,
  optionsLater: [],
};

const REPORTERS: Kinds = {
  what: "reporter",
  schemas: byType(reporterSchema.options),
  typesLater: REPORTER_TYPES_LATER,
  optionsLater: REPORTER_OPTIONS_LATER,
};

function kindProblems(kinds: Kinds, item: unknown, path: Path): Problem[] {
  const { type } = record(item);
  if (typeof type !== "string") return [];
  const schema = kinds.schemas.get(type);
  if (!schema) {
    return unknownType(kinds.what, type, [...kinds.schemas.keys()], kinds.typesLater, path);
  }
  const { fixed } = kinds;
  const issues = fixed
    ? issuesAsWritten(schema, item, fixed)
    : (schema.safeParse(item).error?.issues ?? []);
  const known = Object.keys(schema.shape);
  const problems = problemsOf(new z.ZodError(issues), item, path).map((problem) =>
    problem.of === "key" && problem.path.length === path.length + 1
      ? { ...problem, message: unknownKey(String(problem.path.at(-1)), known, kinds.optionsLater) }
      : problem,
  );
  const hasTemplates = fixed !== undefined || kinds.templatesOf?.includes(type);
  return hasTemplates ? [...problems, ...templatesIn(item, path)] : problems;
}

function templatesIn(value: unknown, base: Path): Problem[] {
  return templateProblems(value).map(({ path, message }) => ({
    path: [...base, ...path],
    message,
    of: "value",
  }));
}

function unknownType(
  what: "worker" | Kinds["what"],
  type: string,
  known: readonly string[],
  later: readonly string[],
  path: Path,
): Problem[] {
  const near = later.includes(type) ? null : nearest(type, known);
  const message = near
    ? `unknown ${what} type ${quote(type)}: did you mean ${quote(near)}?`
    : `${what} type ${quote(type)} is not supported yet; there is ${known.join(", ")}`;
  return [{ path: [...path, "type"], message, of: "value" }];
}
