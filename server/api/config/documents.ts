import { z } from "zod";
import {
  type Activated,
  activateText,
  type ConfigError,
  ConfigRefused,
  ConfigStale,
  checkAgainst,
  documentSchemas,
  readConfig,
  readVersions,
  type Target,
  titleOf,
  wholeText,
} from "../../config";
import { unstorable } from "../../domain/text";
import { listSecrets } from "../../secrets/store";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";
import { applyOptions } from "./change";
import { projectOf, target } from "./target";

const MAX_CHARACTERS = 1_000_000;

export const currentInput = z.object({ target: target.default("all") });
export const textInput = currentInput.extend({ text: z.string().max(MAX_CHARACTERS) });
export const applyInput = textInput.extend({
  /** Revision the text began with. */
  base: z.number().int().min(0),
  comment: z
    .string()
    .trim()
    .max(500)
    .refine((text) => unstorable(text) === null)
    .default(""),
});

export interface DocumentFacts {
  /** Null: the organisation's own. */
  readonly project: string | null;
  readonly number: number;
  readonly author: string;
  readonly at: number;
}

/** A document, or all as one file, as they were written; and the revision that this is. */
export async function currentConfig(org: OrgScope, which: Target) {
  const config = await org.within((tx) => readConfig(tx, org.orgId));
  const documents = config.stored.map(
    ({ project, number, author, at }): DocumentFacts => ({
      project,
      number,
      author,
      at: at.getTime(),
    }),
  );
  return { text: textOf(config, which), revision: config.revision, documents };
}

function textOf(config: Pick<Awaited<ReturnType<typeof readConfig>>, "stored">, which: Target) {
  if (which === "all") return wholeText(config);
  const name = projectOf(which);
  return config.stored.find(({ project }) => project === name)?.text ?? "";
}

/** What the editor completes from: the schema, and the names of what there is. */
export async function vocabulary(org: OrgScope) {
  const [config, secrets] = await org.within(async (tx) => [
    await readConfig(tx, org.orgId),
    await listSecrets(tx, org.orgId),
  ]);
  const { organization, projects } = config.documents;
  return {
    schemas: documentSchemas(),
    names: {
      workers: (organization.workers ?? []).map(({ name }) => name),
      builders: Object.values(projects).flatMap(({ builders = [] }) =>
        builders.map(({ name }) => name),
      ),
      secrets: secrets.map(({ name }) => name),
    },
  };
}

/** Everything wrong with the text and what may be, each with its line and column. */
export function check(ctx: ApiContext, org: OrgScope, input: z.output<typeof textInput>) {
  const options = { ...ctx.runtime.env, target: input.target, isWhole: true };
  return org.within((tx) => checkAgainst(tx, org.orgId, input.text, options));
}

export interface Stale {
  /** Who did what meanwhile, one sentence for each document. */
  readonly said: readonly string[];
  /** What both began with, what is active now, and its revision. */
  readonly base: string;
  readonly theirs: string;
  readonly revision: number;
}

export type ApplyAnswer =
  | { readonly isApplied: true; readonly applied: Activated }
  | { readonly isApplied: false; readonly errors: readonly ConfigError[]; readonly stale: null }
  | { readonly isApplied: false; readonly errors: readonly ConfigError[]; readonly stale: Stale };

/**
 * Activates the text. Of a whole file, projects it does not mention are removed: what the editor
 * shows is the whole. Refused, with both texts, when somebody else changed the same document since.
 */
export async function apply(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof applyInput>,
): Promise<ApplyAnswer> {
  const { text, base, comment, target: which } = input;
  try {
    const applied = await org.within((tx) =>
      activateText(tx, org.orgId, text, {
        ...applyOptions(ctx, org),
        target: which,
        isWhole: true,
        prune: which === "all",
        base,
        comment,
      }),
    );
    ctx.runtime.configChanged(org.orgId);
    return { isApplied: true, applied };
  } catch (error) {
    if (error instanceof ConfigRefused) {
      return { isApplied: false, errors: error.errors, stale: null };
    }
    if (!(error instanceof ConfigStale)) throw error;
    return { isApplied: false, errors: [], stale: await bothTexts(org, which, base, error) };
  }
}

async function bothTexts(
  org: OrgScope,
  which: Target,
  base: number,
  { meanwhile }: ConfigStale,
): Promise<Stale> {
  const [before, now] = await org.within(async (tx) => [
    { stored: await readVersions(tx, org.orgId, base) },
    await readConfig(tx, org.orgId),
  ]);
  return {
    said: meanwhile.map(
      ({ project, author, number }) => `${author} saved version ${number} of ${titleOf(project)}`,
    ),
    base: textOf(before, which),
    theirs: textOf(now, which),
    revision: now.revision,
  };
}
