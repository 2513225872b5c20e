/**
 * Options of a pool as a form edits them. In the form its own and those of its workers stand side by side;
 * in the document the latter are under `worker`.
 */
import { stringify } from "yaml";
import { z } from "zod";
import { checkForm, checkPools, documentSchemas, readConfig, sealedEntry } from "../../config";
import type { Queryable } from "../../db/pool";
import { AppError } from "../../domain/errors";
import type { JsonSchema } from "../../domain/json-schema";
import { isJoined } from "../../domain/pools";
import { isLatentType } from "../../drivers/driver-schema";
import { LATENT_KINDS } from "../../drivers/kinds-schema";
import { listSecrets } from "../../secrets/store";
import { saveEntry } from "../config/change";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";
import { asksOf } from "../workers/imagined-build";
import {
  entryInput,
  made,
  type OptionProblem,
  type Preview,
  type WorkerKind,
  type WorkerKinds,
} from "../workers/settings";
import type { poolInput } from "./one";

export const poolEntryInput = entryInput.omit({ workerId: true }).extend({
  /** The pool that is edited; null: a new one. */
  poolId: z.number().int().positive().nullable(),
});
export type PoolEntryInput = z.output<typeof poolEntryInput>;

type Entry = { readonly name: string; readonly worker: { readonly type: string } } & Readonly<
  Record<string, unknown>
>;

export interface PoolKinds extends WorkerKinds {
  /** Names of the options that are the pool's own. */
  own: string[];
}

export interface PoolSettings {
  type: string;
  /** By their names in the form. */
  options: Readonly<Record<string, unknown>>;
}

export type PoolSaved =
  | { readonly isSaved: true; readonly poolId: number }
  | { readonly isSaved: false; readonly problems: readonly OptionProblem[] };

/** Every kind of worker that a pool may be of, with the schema of all options. */
export async function poolKinds(org: OrgScope): Promise<PoolKinds> {
  const secrets = await org.within((tx) => listSecrets(tx, org.orgId));
  const { defs, own, worker } = poolSchemas();
  return {
    kinds: [...(worker.oneOf ?? []), ...(worker.anyOf ?? [])].flatMap((each) => asKind(each, own)),
    defs,
    own: Object.keys(own),
    secrets: secrets.map(({ name }) => name),
  };
}

function poolSchemas() {
  const { organization } = documentSchemas();
  const { name: _, worker = {}, ...own } = organization.properties?.pools?.items?.properties ?? {};
  return { defs: organization.$defs ?? {}, own, worker };
}

/** Of machines that Slipway does not make. */
const NOT_JOINED = ["idleTimeout", "maxLifetime", "maxBuildsPerInstance", "scaleUpRate", "budget"];

function asKind(template: JsonSchema, own: Readonly<Record<string, JsonSchema>>): WorkerKind[] {
  const { type, ...options } = template.properties ?? {};
  if (typeof type?.const !== "string") return [];
  const kind = type.const;
  const useless = isJoined(kind) ? [...NOT_JOINED, "minIdle"] : [];
  const ownOnes = Object.entries(own).filter(([name]) => !useless.includes(name));
  const text = LATENT_KINDS[kind];
  return [
    {
      type: kind,
      title: text?.title ?? null,
      description: text?.description ?? null,
      isLatent: isLatentType(kind),
      schema: { ...template, properties: { ...Object.fromEntries(ownOnes), ...options } },
    },
  ];
}

export async function poolSettings(
  org: OrgScope,
  { poolId }: z.output<typeof poolInput>,
): Promise<PoolSettings> {
  const { name: _, worker, ...own } = await org.within((tx) => entryOf(tx, org, poolId));
  const { type, ...options } = worker;
  return { type, options: { ...own, ...options } };
}

async function entryOf(tx: Queryable, org: OrgScope, poolId: number): Promise<Entry> {
  const [row] = await tx.rows<{ name: string }>(
    "select name from pool where org_id = $1 and id = $2 and removed_at is null",
    [org.orgId, poolId],
  );
  const { documents } = await readConfig(tx, org.orgId);
  const entry = documents.organization.pools?.find(({ name }) => name === row?.name);
  if (!entry) throw new AppError("request.not-found", { what: "pool in the configuration" });
  return entry as unknown as Entry;
}

export async function previewPool(
  ctx: ApiContext,
  org: OrgScope,
  input: PoolEntryInput,
): Promise<Preview> {
  const { entry, problems } = await org.within((tx) => readEntry(ctx, tx, org, input));
  const shown = sealedEntry(entry, "pools").entry;
  const asks = asksOf(entry.worker);
  return { yaml: stringify({ pools: [shown] }, { lineWidth: 100 }), problems, asks };
}

async function readEntry(
  ctx: ApiContext,
  tx: Queryable,
  org: OrgScope,
  input: PoolEntryInput,
): Promise<{ entry: Entry; before: Entry | null; problems: OptionProblem[] }> {
  const before = input.poolId === null ? null : await entryOf(tx, org, input.poolId);
  const own = poolSchemas().own;
  const read = made({ ...input, name: before?.name ?? input.name });
  const { type, name, ...options } = read.entry;
  const split = Object.entries(options);
  const entry: Entry = {
    name,
    worker: { type, ...Object.fromEntries(split.filter(([key]) => !Object.hasOwn(own, key))) },
    ...Object.fromEntries(split.filter(([key]) => Object.hasOwn(own, key))),
  };
  const { documents } = await readConfig(tx, org.orgId);
  const { pools = [], workers = [] } = documents.organization;
  const others = pools.filter((pool) => pool.name !== before?.name);
  const form = checkForm({ pools: [entry] }, { isHosted: ctx.runtime.env.isHosted });
  const all = [...others, entry] as typeof pools;
  const crossed = checkPools({ ...documents.organization, pools: all, workers });
  const found = [
    ...at(form.problems, 0),
    // What is not a pool cannot be told from others.
    ...(form.problems.length === 0 ? at(crossed, others.length) : []),
  ];
  const problems = read.problems;
  for (const { path, message } of found) {
    if (problems.some((known) => known.path[0] === path[0])) continue;
    problems.push({ path, message });
  }
  return { entry, before, problems };
}

/** Problems of the pool at that place, by the names of the form. */
function at(
  problems: readonly { readonly path: readonly (string | number)[]; readonly message: string }[],
  index: number,
): OptionProblem[] {
  return problems.flatMap(({ path, message }) => {
    const [collection, place, ...own] = path;
    if (collection === "pools" && place !== index && typeof place === "number") return [];
    const inForm = own[0] === "worker" ? own.slice(1) : own;
    return [{ path: collection === "pools" ? [...inForm] : [], message }];
  });
}

/** @throws ConfigInvalid when it does not fit the other documents */
export async function savePool(
  ctx: ApiContext,
  org: OrgScope,
  input: PoolEntryInput,
): Promise<PoolSaved> {
  const { entry, before, problems } = await org.within((tx) => readEntry(ctx, tx, org, input));
  if (problems.length > 0) return { isSaved: false, problems };
  const poolId = await saveEntry(ctx, org, "pools", entry, before);
  return { isSaved: true, poolId };
}
