/** A pseudo-terminal for a command, made by `script` of util-linux: Node has none of its own. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Environment } from "./environment";
import { shellLine, shellQuote } from "./quote";

export interface Invocation {
  readonly argv: readonly string[];
  readonly env: Environment;
}

/** The same command below a pseudo-terminal, or null when this system has no way to make one. */
export function onPseudoTerminal({ argv, env }: Invocation): Invocation | null {
  const program = process.platform === "linux" ? findProgram("script", env.PATH) : null;
  if (program === null) return null;
  // `script` runs the line by $SHELL, which may be no POSIX shell; the command gets its own back.
  const shell = env.SHELL === undefined ? "unset SHELL;" : `SHELL=${shellQuote(env.SHELL)}`;
  return {
    argv: [program, "-qefc", `${shell} exec ${shellLine(argv)}`, "/dev/null"],
    env: { ...env, SHELL: "/bin/sh" },
  };
}

export function findProgram(name: string, path: string | undefined): string | null {
  for (const folder of (path ?? "/usr/bin:/bin").split(delimiter)) {
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // The next folder may have it.
    }
  }
  return null;
}
