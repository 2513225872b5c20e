/** Options of a worker as a form edits them: what may be written, what is, and what a form makes. */
import { parse, stringify } from "yaml";
import { z } from "zod";
import { checkForm, documentSchemas, readConfig, sealedEntry } from "../../config";
import type { Queryable } from "../../db/pool";
import { AppError } from "../../domain/errors";
import type { JsonSchema } from "../../domain/json-schema";
import { buildWaitSeconds, isLatentType } from "../../drivers/driver-schema";
import { LATENT_KINDS } from "../../drivers/kinds-schema";
import { listSecrets } from "../../secrets/store";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";
import { asksOf } from "./imagined-build";
import type { workerInput } from "./one";

export type Entry = { readonly type: string; readonly name: string } & Readonly<
  Record<string, unknown>
>;

const pathOfOption = z.array(z.string().max(200)).min(1).max(4);

export const entryInput = z.object({
  /** The worker that is edited; null: a new one. */
  workerId: z.number().int().positive().nullable(),
  type: z.string().max(100),
  name: z.string().max(200),
  options: z
    .array(
      z.object({
        path: pathOfOption,
        value: z.json().optional(),
        yaml: z.string().max(50_000).optional(),
      }),
    )
    .max(500),
});
export type EntryInput = z.output<typeof entryInput>;

export interface WorkerKind {
  /** Buildbot's class name. */
  type: string;
  title: string | null;
  description: string | null;
  /** Its machines are made on demand. */
  isLatent: boolean;
  /** Of all its options but type and name. */
  schema: JsonSchema;
}

export interface WorkerKinds {
  kinds: WorkerKind[];
  /** Where `$ref`s of the schemas lead. */
  defs: Readonly<Record<string, JsonSchema>>;
  secrets: string[];
}

/** Every kind of worker with the schema of its options. */
export async function workerKinds(org: OrgScope): Promise<WorkerKinds> {
  const { organization } = documentSchemas();
  const items = organization.properties?.workers?.items;
  const secrets = await org.within((tx) => listSecrets(tx, org.orgId));
  return {
    kinds: [...(items?.oneOf ?? []), ...(items?.anyOf ?? [])].flatMap(asKind),
    defs: organization.$defs ?? {},
    secrets: secrets.map(({ name }) => name),
  };
}

function asKind(schema: JsonSchema): WorkerKind[] {
  const { type, name: _, ...properties } = schema.properties ?? {};
  if (typeof type?.const !== "string") return [];
  const text = LATENT_KINDS[type.const];
  return [
    {
      type: type.const,
      title: text?.title ?? null,
      description: text?.description ?? null,
      isLatent: isLatentType(type.const),
      schema: { ...schema, properties: withDefaults(type.const, properties) },
    },
  ];
}

/** What each driver's own default is, where the common schema can only say that there is one. */
function withDefaults(
  type: string,
  properties: Readonly<Record<string, JsonSchema>>,
): Readonly<Record<string, JsonSchema>> {
  const wait = properties.build_wait_timeout;
  if (!wait || !isLatentType(type)) return properties;
  const description = wait.description?.replace(/\s*Left out:[^.]*\./, "") ?? "";
  return {
    ...properties,
    build_wait_timeout: { ...wait, description, default: buildWaitSeconds(type, {}) },
  };
}

/** The worker as the document has it. */
export async function workerSettings(
  org: OrgScope,
  { workerId }: z.output<typeof workerInput>,
): Promise<Entry> {
  return org.within(async (tx) => entryOf(tx, org, workerId));
}

async function entryOf(tx: Queryable, org: OrgScope, workerId: number): Promise<Entry> {
  const [row] = await tx.rows<{ name: string }>(
    "select name from worker where org_id = $1 and id = $2 and removed_at is null",
    [org.orgId, workerId],
  );
  const { documents } = await readConfig(tx, org.orgId);
  const entry = documents.organization.workers?.find(({ name }) => name === row?.name);
  if (!entry) throw new AppError("request.not-found", { what: "worker in the configuration" });
  return entry as unknown as Entry;
}

/** What is wrong with one option; the empty path is the worker as a whole. */
export interface OptionProblem {
  path: (string | number)[];
  message: string;
}

export interface Preview {
  /** As it will stand in the document: hidden values are names of secrets. */
  yaml: string;
  problems: OptionProblem[];
  /** What its options ask of a build, such as `prop:branch`. */
  asks: string[];
}

export async function previewWorker(
  ctx: ApiContext,
  org: OrgScope,
  input: EntryInput,
): Promise<Preview> {
  const { entry, problems } = await org.within((tx) => readEntry(ctx, tx, org, input));
  const yaml = stringify({ workers: [sealedEntry(entry).entry] }, { lineWidth: 100 });
  return { yaml, problems, asks: asksOf(entry) };
}

/** The entry that a form makes, and everything wrong with it. */
export async function readEntry(
  ctx: ApiContext,
  tx: Queryable,
  org: OrgScope,
  input: EntryInput,
): Promise<{ entry: Entry; before: Entry | null; problems: OptionProblem[] }> {
  const before = input.workerId === null ? null : await entryOf(tx, org, input.workerId);
  // Under another name it would be another worker.
  const { entry, problems } = made({ ...input, name: before?.name ?? input.name });
  const base = ["workers", 0];
  const form = checkForm({ workers: [entry] }, { isHosted: ctx.runtime.env.isHosted });
  for (const { path, message } of form.problems) {
    const own = base.every((step, at) => path[at] === step) ? path.slice(base.length) : [];
    // What could not be read is not missing.
    if (problems.some((known) => known.path[0] === own[0])) continue;
    problems.push({ path: [...own], message });
  }
  const { documents } = await readConfig(tx, org.orgId);
  const isTaken = documents.organization.workers?.some(
    ({ name }) => name === entry.name && name !== before?.name,
  );
  if (isTaken) problems.push({ path: ["name"], message: "is the name of another worker" });
  return { entry, before, problems };
}

/** What stands in a form as an entry, and what of it cannot be read. */
export function made({ type, name, options }: Pick<EntryInput, "type" | "name" | "options">): {
  entry: Entry;
  problems: OptionProblem[];
} {
  const entry: Record<string, unknown> = { type, name };
  const problems: OptionProblem[] = [];
  for (const { path, value, yaml } of options) {
    if (path[0] === "type" || path[0] === "name") continue;
    try {
      put(entry, path, yaml === undefined ? value : parse(yaml));
    } catch (error) {
      const [line = ""] = (error as Error).message.split("\n");
      problems.push({ path, message: `cannot be read as YAML: ${line}` });
    }
  }
  return { entry: entry as Entry, problems };
}

function put(into: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [step, ...rest] = path;
  if (step === undefined || step === "__proto__") return;
  if (rest.length === 0) {
    into[step] = value;
    return;
  }
  const inner = Object.hasOwn(into, step) ? into[step] : undefined;
  const map = typeof inner === "object" && inner !== null ? { ...inner } : {};
  into[step] = map;
  put(map as Record<string, unknown>, rest, value);
}
