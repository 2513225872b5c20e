import { saveEntry } from "../config/change";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";
import { type EntryInput, type OptionProblem, readEntry } from "./settings";

export type Saved =
  | { readonly isSaved: true; readonly workerId: number }
  | { readonly isSaved: false; readonly problems: readonly OptionProblem[] };

/** @throws ConfigInvalid when it does not fit the other documents */
export async function saveWorker(
  ctx: ApiContext,
  org: OrgScope,
  input: EntryInput,
): Promise<Saved> {
  const { entry, before, problems } = await org.within((tx) => readEntry(ctx, tx, org, input));
  if (problems.length > 0) return { isSaved: false, problems };
  const workerId = await saveEntry(ctx, org, "workers", entry, before);
  return { isSaved: true, workerId };
}
