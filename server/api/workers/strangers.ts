import { z } from "zod";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";
import type { DoorRow } from "./one";

export const strangersInput = z.object({
  /** Only what came after this moment, in milliseconds. */
  since: z.number().int().nonnegative(),
});

export interface StrangerRow extends DoorRow {
  loginName: string | null;
}

/**
 * Connections that failed before they said a name we know. They belong to no organisation: the
 * database shows them to who runs the installation, and to all where there is one organisation only.
 */
export async function strangersAtTheDoor(org: OrgScope, input: z.output<typeof strangersInput>) {
  return org.within(async (tx) => {
    const events = await tx.rows<StrangerRow>(
      `select d.id, ${ms("d.at")} as at, d.login_name as "loginName", d.peer, d.reason, d.detail
       from door_event d where d.org_id is null and d.at > to_timestamp($1::float8 / 1000)
       order by d.id desc limit 20`,
      [input.since],
    );
    const some = await tx.rows("select from organization limit 2", []);
    return { events, isVisible: org.user.isAdmin || some.length === 1 };
  });
}
