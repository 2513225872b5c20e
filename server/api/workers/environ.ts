import { AppError } from "../../domain/errors";
import type { OrgScope } from "../trpc";

/** The worker's environment by name; it may hold credentials, so it is for maintainers (W-056). */
export async function environOf(
  org: OrgScope,
  { workerId }: { workerId: number },
): Promise<{ name: string; value: string }[]> {
  const [row] = await org.within((tx) =>
    tx.rows<{ environ: Record<string, string> | null }>(
      "select facts -> 'environ' as environ from worker where org_id = $1 and id = $2",
      [org.orgId, workerId],
    ),
  );
  if (row === undefined) throw new AppError("request.not-found", { what: "worker" });
  return Object.entries(row.environ ?? {})
    .map(([name, value]) => ({ name, value }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
