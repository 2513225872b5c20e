/** The environment of a command (protocol §4.1, `env`). */
import { delimiter } from "node:path";
import type { ShellArgs } from "../../server/domain/wire";

export type Environment = Readonly<Record<string, string>>;

/**
 * The worker's own environment with what the master adds. `${NAME}` in a value stands for the
 * worker's own variable, or for nothing; a list is joined; null removes; a PYTHONPATH is put before
 * the worker's own. PWD is the working directory.
 */
export function commandEnvironment(
  own: Environment,
  added: ShellArgs["env"],
  workdir: string,
): Environment {
  const merged: Record<string, string> = { ...own };
  for (const [name, value] of Object.entries(added ?? {})) {
    if (value === null) {
      delete merged[name];
      continue;
    }
    const text = typeof value === "string" ? value : value.join(delimiter);
    const expanded = text.replace(/\$\{(\w+)\}/g, (_, variable: string) => own[variable] ?? "");
    const ownPath = name === "PYTHONPATH" ? own.PYTHONPATH : undefined;
    merged[name] = ownPath ? `${expanded}${delimiter}${ownPath}` : expanded;
  }
  merged.PWD = workdir;
  return merged;
}

/** Variables of the server's own that a worker beside it may have been given. */
const OF_THE_SERVER = /^(SLIPWAY_.*|DATABASE_URL|REDIS_URL|WORKERPASS|NODE_CHANNEL_.*)$/;

/** What builds may see of the environment this program was started with. */
export function ownEnvironment(source: Readonly<Record<string, string | undefined>>): Environment {
  const entries = Object.entries(source).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OF_THE_SERVER.test(entry[0]),
  );
  return Object.fromEntries(entries);
}
