import type { Database } from "../../db/pool";
import type { OrgId } from "../../domain/ids";
import { CONFIG, createAnnouncer, OUTBOX } from "../../events/bus";

/** Tells the running processes of an activation made behind their back. */
export async function announceConfig(database: Database, orgId: OrgId): Promise<void> {
  const announcer = createAnnouncer(database, () => {});
  announcer.announce(CONFIG, String(orgId));
  announcer.announce(OUTBOX);
  await announcer.flush();
}
