/** What pages see of a test's database: one organisation, as one of its members. */
import type { OrgScope } from "../../server/api/trpc";
import { type OrgDatabase, orgDatabase } from "../../server/db/org-database";
import { openDatabase } from "../../server/db/pool";
import type { OrgId, UserId } from "../../server/domain/ids";

export interface WebScopes {
  readonly db: OrgDatabase;
  scope(orgId: number): OrgScope;
  end(): Promise<void>;
}

export function webScopes(url: string): WebScopes {
  const web = openDatabase({ url, max: 2, name: "web", role: "slipway_web", onError() {} });
  const db = orgDatabase(web);
  return {
    db,
    scope(id) {
      const orgId = id as OrgId;
      const userId = 1 as UserId;
      return {
        ...{ orgId, slug: "main", name: "main", role: "owner" },
        user: { userId, sessionId: "", email: "ada@example.org", name: "Ada", isAdmin: false },
        caller: { orgId, actor: "ada@example.org" },
        within: (work: (tx: never) => Promise<unknown>) =>
          db.within({ orgId, userId }, work as never),
      } as unknown as OrgScope;
    },
    end: () => web.end(),
  };
}
