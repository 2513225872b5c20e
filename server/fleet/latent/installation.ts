/**
 * What an installation is called on its machines: a name of its own, made once and kept in its database,
 * so that two with one secret key are two. One that had machines before it had a name goes by what its
 * key says, as those machines do.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Queryable } from "../../db/pool";

/** The name of those that had none. */
function tagOfKey(secretKey: string): string {
  return createHash("sha256").update(`slipway installation ${secretKey}`).digest("hex").slice(0, 8);
}

/** Whoever comes first names it; all get the same. */
export async function installationTag(q: Queryable, secretKey: string): Promise<string> {
  await q.rows(
    `insert into installation (tag) select case when exists (select from instance) then $1 else $2 end
     on conflict do nothing`,
    [tagOfKey(secretKey), randomBytes(4).toString("hex")],
  );
  const [row] = await q.rows<{ tag: string }>("select tag from installation");
  if (!row) throw new Error("an installation without a name");
  return row.tag;
}
