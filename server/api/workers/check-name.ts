import { z } from "zod";
import { workerName } from "../../config";
import type { OrgScope } from "../trpc";

export const checkNameInput = z.object({ name: z.string().max(200) });

/** What keeps a worker from having this name, in words (W-002, W-003); null: nothing does. */
export async function checkName(
  org: OrgScope,
  { name }: z.output<typeof checkNameInput>,
): Promise<{ problem: string | null }> {
  const parsed = workerName.safeParse(name);
  if (!parsed.success) return { problem: parsed.error.issues[0]?.message ?? null };
  const taken = await org.within((tx) =>
    tx.rows("select from worker where org_id = $1 and name = $2 and removed_at is null", [
      org.orgId,
      name,
    ]),
  );
  return { problem: taken.length > 0 ? "is the name of a worker that is here already" : null };
}
