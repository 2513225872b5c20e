import { only } from "../../db/pool";
import { changeConfig, withEntry } from "../config/change";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";
import { type Entry, type EntryInput, type OptionProblem, readEntry } from "./settings";

export type Saved =
  | { readonly isSaved: true; readonly workerId: number }
  | { readonly isSaved: false; readonly problems: readonly OptionProblem[] };

/**
 * Writes a worker into the organisation's document, in the place of the one that is edited: a new
 * version like any other.
 *
 * @throws ConfigInvalid when it does not fit the other documents
 */
export async function saveWorker(
  ctx: ApiContext,
  org: OrgScope,
  input: EntryInput,
): Promise<Saved> {
  const { entry, before, problems } = await org.within((tx) => readEntry(ctx, tx, org, input));
  if (problems.length > 0) return { isSaved: false, problems };
  return changeConfig(
    ctx,
    org,
    ({ organization }) => {
      const workers = (organization.workers ?? []) as unknown as readonly Entry[];
      const next = withEntry(workers, entry, before);
      return { organization: { ...organization, workers: next as never }, projects: {} };
    },
    async (tx) => {
      const rows = await tx.rows<{ id: number }>(
        "select id from worker where org_id = $1 and name = $2",
        [org.orgId, entry.name],
      );
      return { isSaved: true, workerId: only(rows).id };
    },
  );
}
