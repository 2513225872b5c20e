import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./run.mjs";

const STAMPS = join(root, ".dist/stamps.json");

/** One short text for the content of files and folders, this Node.js and the packages. */
export function fingerprint(paths) {
  const hash = createHash("sha256").update(process.version);
  for (const path of [...paths, "package-lock.json"]) add(hash, path);
  return hash.digest("hex").slice(0, 32);
}

/** What is generated is a result, not a source. */
const GENERATED = "server/db/prisma";

function add(hash, path) {
  const full = join(root, path);
  if (path === GENERATED || !existsSync(full)) return;
  if (statSync(full).isDirectory()) {
    for (const name of readdirSync(full).sort()) add(hash, `${path}/${name}`);
    return;
  }
  hash.update(`${path}\0`).update(readFileSync(full)).update("\0");
}

/**
 * Runs `work` unless it was done for this very fingerprint before and its result is still there.
 *
 * @param {string} result path of a file or folder that `work` makes
 * @returns whether the work was needed
 */
export async function once(name, mark, result, work) {
  if (readStamps()[name] === mark && existsSync(join(root, result))) return false;
  await work();
  mkdirSync(dirname(STAMPS), { recursive: true });
  writeFileSync(STAMPS, `${JSON.stringify({ ...readStamps(), [name]: mark }, null, 2)}\n`);
  return true;
}

function readStamps() {
  try {
    return JSON.parse(readFileSync(STAMPS, "utf8"));
  } catch {
    return {};
  }
}
