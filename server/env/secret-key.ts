import { randomBytes } from "node:crypto";
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EnvError } from "./read-env";

/** Name of the key file in the data directory, mode 0600. */
export const SECRET_KEY_FILE = "secret.key";

/**
 * The installation's key-encryption key: 32 random bytes in base64url, made on first use. Whoever
 * loses this file loses the stored secrets, so it is never overwritten.
 *
 * @throws EnvError when the file cannot be read or written, or is damaged
 */
export function ensureSecretKey(dataDir: string): string {
  const file = join(dataDir, SECRET_KEY_FILE);
  try {
    mkdirSync(dataDir, { recursive: true });
    return readKey(file) ?? makeKey(file);
  } catch (error) {
    if (error instanceof EnvError) throw error;
    throw new EnvError([`SLIPWAY_DATA_DIR: ${(error as Error).message}`]);
  }
}

function readKey(file: string): string | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  if (text.length < 32) throw new EnvError([`SLIPWAY_DATA_DIR: the key in ${file} is damaged`]);
  return text;
}

/** Complete before it is visible: a crash half-way leaves no short key, and a race has one winner. */
function makeKey(file: string): string {
  const draft = `${file}.${process.pid}.new`;
  writeFileSync(draft, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "w" });
  chmodSync(draft, 0o600);
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const key = readKey(file);
  if (key === null) throw new Error(`${file} disappeared`);
  return key;
}
