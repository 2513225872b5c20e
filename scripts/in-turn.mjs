import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { root, say } from "./run.mjs";

/**
 * Two starts in one fresh checkout must not install or build over each other: the second waits for
 * the first, and then finds everything done. A holder that was killed is noticed by its number.
 */
export async function inTurn(work) {
  const folder = join(root, ".dist");
  const file = join(folder, "setup.lock");
  mkdirSync(folder, { recursive: true });
  for (let said = false; ; ) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = Number(readHolder(file));
    if (holder && !isAlive(holder)) {
      rmSync(file, { force: true });
      continue;
    }
    if (!said && holder) say(`waiting for another install or build (process ${holder})`);
    said = true;
    await setTimeout(200);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function readHolder(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Our own number in an old file is that of a namesake in a container that started anew. */
function isAlive(pid) {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
