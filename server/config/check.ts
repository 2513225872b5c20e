/**
 * Checks a configuration file as far as that is possible without the installation: everything that
 * is wrong, each with its line and column, not only the first (C-002). Pure.
 */
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

const STEP_SCHEMAS = new Map(
  stepSchema.options.map((schema) => [schema.shape.type.value as string, schema]),
);

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

/** Workers and steps carry a type that decides which schema counts. */
function itemProblems(value: unknown, options: CheckOptions): Problem[] {
  const file = record(value);
  const workers = list(file.workers).flatMap((worker, index) =>
    workerProblems(worker, ["workers", index], options),
  );
  const steps = Object.entries(record(file.projects)).flatMap(([project, document]) =>
    list(record(document).builders).flatMap((builder, b) =>
      list(record(builder).factory).flatMap((step, s) =>
        stepProblems(step, ["projects", project, "builders", b, "factory", s]),
      ),
    ),
  );
  return [...workers, ...steps];
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

function stepProblems(step: unknown, path: Path): Problem[] {
  const { type } = record(step);
  if (typeof type !== "string") return [];
  const schema = STEP_SCHEMAS.get(type);
  if (!schema) return unknownType("step", type, [...STEP_SCHEMAS.keys()], STEP_TYPES_LATER, path);
  const parsed = schema.safeParse(step);
  if (parsed.success) return [];
  const known = Object.keys(schema.shape);
  return problemsOf(parsed.error, step, path).map((problem) =>
    problem.of === "key" && problem.path.length === path.length + 1
      ? { ...problem, message: unknownKey(String(problem.path.at(-1)), known, STEP_OPTIONS_LATER) }
      : problem,
  );
}

/** Buildbot's, so that one we do not have is not taken for a slip of the pen. */
const STEP_TYPES_LATER = [
  ...["Git", "GitHub", "GitLab", "Mercurial", "SVN", "Trigger", "Compile", "Configure", "Test"],
  ...["SetProperty", "SetPropertyFromCommand", "SetPropertiesFromEnv", "MasterShellCommand"],
  ...["ShellSequence", "FileUpload", "FileDownload", "DirectoryUpload", "MultipleFileUpload"],
  ...["StringDownload", "JSONStringDownload", "MakeDirectory", "RemoveDirectory", "CopyDirectory"],
  ...["FileExists", "Assert", "GET", "POST", "PUT", "HTTPStep", "LogRenderable", "TreeSize"],
];

const STEP_OPTIONS_LATER = ["locks", "logEncoding", "updateBuildSummaryPolicy", "lazylogfiles"];

function unknownType(
  what: "worker" | "step",
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
