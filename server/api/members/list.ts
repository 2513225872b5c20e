import { z } from "zod";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";

const PAGE = 200;

export const membersInput = z.object({ after: z.string().max(254).optional() });

export interface MemberRow {
  userId: number;
  email: string;
  name: string;
  role: string;
  since: number;
}

export interface InvitationRow {
  id: number;
  email: string;
  role: string;
  expiresAt: number;
}

/** Members by e-mail, and invitations nobody has used yet. */
export async function listMembers(org: OrgScope, input: z.output<typeof membersInput>) {
  return org.within(async (tx) => {
    const members = await tx.rows<MemberRow>(
      `select u.id as "userId", u.email, u.name, m.role, ${ms("m.created_at")} as since
       from membership m join user_account u on u.id = m.user_id
       where m.org_id = $1 and u.email > $2 order by u.email limit ${PAGE}`,
      [org.orgId, input.after ?? ""],
    );
    const invitations = await tx.rows<InvitationRow>(
      `select id, email, role, ${ms("expires_at")} as "expiresAt" from invitation
       where org_id = $1 and kind = 'member' and used_at is null and expires_at > now()
       order by id desc limit 100`,
      [org.orgId],
    );
    return {
      members,
      invitations,
      after: members.length === PAGE ? (members.at(-1)?.email ?? null) : null,
    };
  });
}
