/** What the system says of a process. */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

/** Resolves when no process has this id any longer, or it is one that only waits to be reaped. */
export async function gone(pid: number): Promise<void> {
  for (;;) {
    const path = `/proc/${pid}/status`;
    const status = existsSync(path) ? readFileSync(path, "utf8") : "";
    if (status === "" || /^State:\s+Z/m.test(status)) return;
    await setTimeout(10);
  }
}
