/** What an installation under test is called at providers; waits until it has a name. */
import { setTimeout } from "node:timers/promises";
import { openDatabase } from "../../server/db/pool";

export async function installationTagIn(databaseUrl: string): Promise<string> {
  const db = openDatabase({ url: databaseUrl, max: 1, name: "test", onError() {} });
  try {
    for (;;) {
      const [row] = await db.rows<{ tag: string }>("select tag from installation");
      if (row) return row.tag;
      await setTimeout(20);
    }
  } finally {
    await db.end();
  }
}
