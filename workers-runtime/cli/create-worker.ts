/** `create-worker`: the directory of a worker, ready to be started. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { CreateOrder } from "./arguments";
import { readEndpoint } from "./endpoint";
import { isWorkerDirectory, SETTINGS_FILE } from "./settings";
import { writeTac } from "./tac/write-tac";
import { UsageError } from "./usage";

const PLACEHOLDERS = {
  admin: "Your Name Here <admin@example.invalid>\n",
  host: "Please put a description of this build host here\n",
} as const;

/** Keeps what is there: other settings than ours stay, and ours lie beside them as `.new`. */
export function createWorker(
  { basedir, settings, isForced, isQuiet, isRelocatable }: CreateOrder,
  say: (line: string) => void,
): void {
  readEndpoint(settings);
  const path = join(basedir, SETTINGS_FILE);
  const isTaken = existsSync(basedir) && !isWorkerDirectory(basedir) && !isEmpty(basedir);
  if (isTaken && !isForced) {
    throw new UsageError(`${basedir} is there already; --force makes a worker in it`);
  }
  mkdirSync(join(basedir, "info"), { recursive: true, mode: 0o700 });
  const text = writeTac({ settings, basedir: isRelocatable ? null : realpathSync(basedir) });
  const isOther = existsSync(path) && readFileSync(path, "utf8") !== text;
  const written = isOther ? `${path}.new` : path;
  // One that is there could be open to others, and writing into it would leave it so.
  rmSync(written, { force: true });
  writeFileSync(written, text, { mode: 0o600, flag: "wx" });
  for (const [name, placeholder] of Object.entries(PLACEHOLDERS)) {
    const file = join(basedir, "info", name);
    if (!existsSync(file)) writeFileSync(file, placeholder);
  }
  if (isQuiet) return;
  if (isOther) say(`${path} is there with other settings; yours are in ${path}.new`);
  say(`worker ${settings.name} is made in ${basedir}`);
  if (settings.maxretries === 0) say("--maxretries=0 is no limit");
  if (settings.allowShutdown !== null && settings.protocol !== "pb") {
    say("--allow-shutdown: over msgpack Slipway can be asked for no more builds, Buildbot cannot");
  }
  say(`tell in ${join(basedir, "info")} who looks after it (admin) and what it is (host)`);
}

function isEmpty(directory: string): boolean {
  return readdirSync(directory).length === 0;
}
