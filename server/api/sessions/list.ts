import type { SignedInUser } from "../../auth/session";
import type { OrgDatabase } from "../../db/org-database";
import { ms } from "../sql";

export interface BrowserSession {
  id: string;
  createdAt: number;
  lastSeenAt: number;
  expiresAt: number;
  address: string | null;
  userAgent: string | null;
  isThis: boolean;
}

/** Where the person is signed in, the most recently used first. */
export async function listSessions(db: OrgDatabase, user: SignedInUser): Promise<BrowserSession[]> {
  return db.within({ userId: user.userId }, (tx) =>
    tx.rows<BrowserSession>(
      `select id, ${ms("created_at")} as "createdAt", ${ms("last_seen_at")} as "lastSeenAt",
              ${ms("expires_at")} as "expiresAt", address, user_agent as "userAgent", id = $2 as "isThis"
       from user_session where user_id = $1 and revoked_at is null and expires_at > now()
       order by last_seen_at desc, id limit 100`,
      [user.userId, user.sessionId],
    ),
  );
}
