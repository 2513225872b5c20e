/** Names on disk: a file that was flushed is found again after a crash only if its folder was, too. */
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";

/** What a folder says of its entries is on disk after this; their contents are their writers' business. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The folder and all folders in it. */
export async function syncFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncFolders(join(folder, entry.name));
  }
  await syncFolder(folder);
}
