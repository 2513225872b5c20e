import { AppError } from "../domain/errors";
import { mustBeAllowed, type OrgScope } from "./trpc";

const OWNER = {
  build: `select s.owner from build x join build_request r on r.id = x.build_request_id
          join buildset s on s.id = r.buildset_id where x.org_id = $1 and x.id = $2`,
  build_request: `select s.owner from build_request r join buildset s on s.id = r.buildset_id
          where r.org_id = $1 and r.id = $2`,
} as const;

/**
 * Whoever asked for a build may stop it with a lower role than others (C-161).
 *
 * @throws AppError request.not-found, auth.forbidden
 */
export async function mustOwnOrRule(
  org: OrgScope,
  kind: keyof typeof OWNER,
  id: number,
): Promise<void> {
  const [row] = await org.within((tx) =>
    tx.rows<{ owner: string | null }>(OWNER[kind], [org.orgId, id]),
  );
  if (row === undefined) throw new AppError("request.not-found", { what: "build" });
  mustBeAllowed(org, row.owner === org.user.email ? "stop-own" : "stop-any");
}
