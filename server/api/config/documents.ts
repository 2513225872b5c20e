import { z } from "zod";
import {
  type Applied,
  applyConfig,
  type ConfigError,
  ConfigInvalid,
  checkConfig,
  exportConfig,
  revisionOf,
} from "../../config";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";
import { applyOptions } from "./change";

const MAX_CHARACTERS = 1_000_000;

export const textInput = z.object({ text: z.string().max(MAX_CHARACTERS) });
export const applyInput = textInput.extend({
  /** Revision the text began with. */
  base: z.number().int().min(0),
});

/** The active documents as one YAML text, and the revision it shows. */
export async function currentConfig(org: OrgScope) {
  const text = await org.within((tx) => exportConfig(tx, org.orgId));
  return { text, revision: revisionOf(text) ?? 0 };
}

/** Everything wrong with the text, each with its line and column. */
export function check(ctx: ApiContext, text: string): readonly ConfigError[] {
  return checkConfig(text, ctx.runtime.env).errors;
}

export type ApplyAnswer =
  | { readonly isApplied: true; readonly applied: Applied }
  | { readonly isApplied: false; readonly errors: readonly ConfigError[] };

/**
 * Activates the text. Projects it does not mention are removed: what the editor shows is the whole.
 *
 * @throws AppError config.stale when somebody else activated meanwhile
 */
export async function apply(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof applyInput>,
): Promise<ApplyAnswer> {
  const checked = checkConfig(input.text, ctx.runtime.env);
  const { documents } = checked;
  if (documents === null) return { isApplied: false, errors: checked.errors };
  try {
    const applied = await org.within((tx) =>
      applyConfig(tx, org.orgId, documents, {
        ...applyOptions(ctx, org),
        base: input.base,
        prune: true,
      }),
    );
    ctx.runtime.configChanged(org.orgId);
    return { isApplied: true, applied };
  } catch (error) {
    if (!(error instanceof ConfigInvalid)) throw error;
    return { isApplied: false, errors: checked.locate(error.problems) };
  }
}
