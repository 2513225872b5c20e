/** The log of a worker in the background: one file, started anew when it has grown. */
import { appendFileSync, renameSync, rmSync, statSync } from "node:fs";
import type { Settings } from "./settings";

export const LOG_FILE = "twistd.log";

export function logLine(text: string): string {
  return `${new Date().toISOString()} ${text}\n`;
}

/** Appends lines to `path`; the former files are `path.1` (the youngest), `path.2`, … */
export function logTo(path: string, { logSize, logCount }: Settings): (text: string) => void {
  let bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return (text) => {
    const line = logLine(text);
    if (logSize !== null && bytes > 0 && bytes + line.length > logSize) {
      moveAside(path, logCount);
      bytes = 0;
    }
    appendFileSync(path, line, { mode: 0o640 });
    bytes += Buffer.byteLength(line);
  };
}

function moveAside(path: string, keep: number | null): void {
  let count = 0;
  while (statSync(`${path}.${count + 1}`, { throwIfNoEntry: false }) !== undefined) count++;
  for (let number = count; number >= 1; number--) {
    if (keep !== null && number >= keep) rmSync(`${path}.${number}`, { force: true });
    else renameSync(`${path}.${number}`, `${path}.${number + 1}`);
  }
  if (keep === 0) rmSync(path, { force: true });
  else renameSync(path, `${path}.1`);
}
