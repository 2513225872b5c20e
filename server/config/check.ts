/**
 * Checks a configuration file as far as that is possible without the installation: everything that
 * is wrong, each with its line and column, not only the first (C-002). Pure.
 */
import { z } from "zod";
import {
  CHANGE_SOURCE_TYPES_LATER,
  changeSourceSchema,
} from "../change-sources/change-source-schema";
import { repositoryProblem } from "../domain/git";
import { issuesAsWritten, templateProblems } from "../domain/properties";
import {
  SCHEDULER_OPTIONS_LATER,
  SCHEDULER_TYPES_LATER,
  schedulerSchema,
} from "../schedulers/scheduler-schema";
import { FIXED_STEP_OPTIONS } from "../steps/schema";
import { stepSchema } from "../steps/step-schema";
import { crossCheck } from "./cross-check";
import { nearest, quote, unknownKey } from "./fields";
import { type Problem, problemsOf } from "./problems";
import {
  type Documents,
  fileSchema,
  organizationShape,
  WORKER_TYPES_LATER,
  type WorkerOptions,
  workerSchemas,
} from "./schema";
import { type ConfigError, type Path, pathText, readSource } from "./source";

export interface CheckOptions {
  /** Organisations are strangers: nothing may run on the server's own host. */
  readonly isHosted?: boolean;
}

export interface Checked {
  readonly errors: readonly ConfigError[];
  /** Null when there are errors. */
  readonly documents: Documents | null;
  /** Gives places to problems that show only later, at activation. */
  locate(problems: readonly Problem[]): ConfigError[];
}

export function checkConfig(text: string, options: CheckOptions = {}): Checked {
  const source = readSource(text);
  const locate = (problems: readonly Problem[]): ConfigError[] =>
    problems
      .map(({ path, message, of }) => ({
        path: pathText(path),
        ...source.place(path, of),
        message,
      }))
      .sort((a, b) => a.line - b.line || a.column - b.column);
  if (source.errors.length > 0) return { errors: source.errors, documents: null, locate };

  const { problems, documents } = checkForm(source.value, options);
  if (documents) problems.push(...crossCheck(documents));
  return {
    errors: locate(problems),
    documents: problems.length > 0 ? null : documents,
    locate,
  };
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
      ? { ...organization, workers: organization.workers as WorkerOptions[] | undefined }
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
  const projects = Object.entries(record(file.projects)).flatMap(([project, document]) =>
    projectProblems(record(document), ["projects", project], options),
  );
  return [...workers, ...projects];
}

function projectProblems(
  document: Record<string, unknown>,
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

function workerProblems(worker: unknown, path: Path, options: CheckOptions): Problem[] {
  const { type } = record(worker);
  if (typeof type !== "string") return [];
  const schema = Object.hasOwn(workerSchemas, type)
    ? workerSchemas[type as keyof typeof workerSchemas]
    : null;
  if (!schema) {
    return unknownType("worker", type, Object.keys(workerSchemas), WORKER_TYPES_LATER, path);
  }
  if (type === "LocalWorker" && options.isHosted) {
    const message =
      "a LocalWorker runs on the server's own host, which this installation lends to nobody";
    return [{ path: [...path, "type"], message, of: "value" }];
  }
  const parsed = schema.safeParse(worker);
  return parsed.success ? [] : problemsOf(parsed.error, worker, path);
}

/** Things of one seam: their schemas by type, and what we know of and cannot serve yet. */
interface Kinds {
  readonly what: "step" | "scheduler" | "change source";
  readonly schemas: ReadonlyMap<string, z.ZodObject>;
  readonly typesLater: readonly string[];
  readonly optionsLater: readonly string[];
  /** Options that must be plain values; the others may be renderables. Absent: all must. */
  readonly fixed?: readonly string[];
}

const byType = (options: readonly (z.ZodObject & { shape: { type: z.ZodLiteral } })[]) =>
  new Map(options.map((schema) => [String(schema.shape.type.value), schema]));

const STEPS: Kinds = {
  what: "step",
  schemas: byType(stepSchema.options),
  /** Buildbot's, so that one we do not have is not taken for a slip of the pen. */
  typesLater: [
    ...["Git", "GitHub", "GitLab", "Mercurial", "SVN", "Trigger", "Compile", "Configure", "Test"],
    ...["SetProperty", "SetPropertyFromCommand", "SetPropertiesFromEnv", "MasterShellCommand"],
    ...["ShellSequence", "FileUpload", "FileDownload", "DirectoryUpload", "MultipleFileUpload"],
    ...["StringDownload", "JSONStringDownload", "MakeDirectory", "RemoveDirectory"],
    ...["CopyDirectory", "FileExists", "Assert", "GET", "POST", "PUT", "HTTPStep"],
    ...["LogRenderable", "TreeSize"],
  ],
  optionsLater: ["locks", "logEncoding", "updateBuildSummaryPolicy", "lazylogfiles"],
  fixed: FIXED_STEP_OPTIONS,
};

const SCHEDULERS: Kinds = {
  what: "scheduler",
  schemas: byType(schedulerSchema.options),
  typesLater: SCHEDULER_TYPES_LATER,
  optionsLater: SCHEDULER_OPTIONS_LATER,
};

const CHANGE_SOURCES: Kinds = {
  what: "change source",
  schemas: byType(changeSourceSchema.options),
  typesLater: CHANGE_SOURCE_TYPES_LATER,
  optionsLater: [],
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
  return fixed ? [...problems, ...templatesIn(item, path)] : problems;
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

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
