import { z } from "zod";
import { createInvitation } from "../../auth/invitation";
import { ROLES } from "../../auth/roles";
import type { Queryable } from "../../db/pool";
import { AppError } from "../../domain/errors";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";

export const inviteInput = z.object({
  email: z.email("this is not an e-mail address").max(254),
  role: z.enum(ROLES),
});
export const roleInput = z.object({ userId: z.number().int().positive(), role: z.enum(ROLES) });
export const removeInput = z.object({ userId: z.number().int().positive() });
export const withdrawInput = z.object({ invitationId: z.number().int().positive() });

/** @returns the link to send; it works once */
export async function invite(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof inviteInput>,
): Promise<{ link: string }> {
  mustNotExceedOwn(org, input.role);
  const token = await org.within((tx) => createInvitation(tx, org.orgId, input));
  return { link: `${ctx.runtime.env.web.publicUrl}/setup/${token}` };
}

export async function setRole(org: OrgScope, input: z.output<typeof roleInput>): Promise<void> {
  mustNotExceedOwn(org, input.role);
  await org.within(async (tx) => {
    mustNotExceedOwn(org, await roleOf(tx, org, input.userId));
    await tx.rows("update membership set role = $3 where org_id = $1 and user_id = $2", [
      org.orgId,
      input.userId,
      input.role,
    ]);
    await mustKeepAnOwner(tx, org);
  });
}

export async function removeMember(
  org: OrgScope,
  input: z.output<typeof removeInput>,
): Promise<void> {
  await org.within(async (tx) => {
    mustNotExceedOwn(org, await roleOf(tx, org, input.userId));
    await tx.rows("delete from membership where org_id = $1 and user_id = $2", [
      org.orgId,
      input.userId,
    ]);
    await mustKeepAnOwner(tx, org);
  });
}

export async function withdraw(
  org: OrgScope,
  input: z.output<typeof withdrawInput>,
): Promise<void> {
  await org.within((tx) =>
    tx.rows("delete from invitation where org_id = $1 and id = $2 and used_at is null", [
      org.orgId,
      input.invitationId,
    ]),
  );
}

/** The membership's row stays locked until the end of the transaction. */
async function roleOf(tx: Queryable, org: OrgScope, userId: number): Promise<string> {
  const [row] = await tx.rows<{ role: string }>(
    "select role from membership where org_id = $1 and user_id = $2 for update",
    [org.orgId, userId],
  );
  if (row === undefined) throw new AppError("request.not-found", { what: "member" });
  return row.role;
}

/** Nobody gives, changes or takes a role above their own. */
function mustNotExceedOwn(org: OrgScope, role: string): void {
  const rank = (name: string) => (ROLES as readonly string[]).indexOf(name);
  if (rank(role) <= rank(org.role)) return;
  throw new AppError("auth.forbidden", { action: "this", needs: `the role ${role}` });
}

/** Owners are locked in one order, so two owners removing each other cannot both succeed. */
async function mustKeepAnOwner(tx: Queryable, org: OrgScope): Promise<void> {
  const owners = await tx.rows(
    "select 1 from membership where org_id = $1 and role = 'owner' order by user_id for update",
    [org.orgId],
  );
  if (owners.length === 0) {
    throw new AppError("request.conflict", { problem: "an organisation keeps at least one owner" });
  }
}
