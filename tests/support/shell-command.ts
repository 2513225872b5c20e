/** A shell command with the arguments that a test does not care about. */
import type { Command, ShellArgs } from "../../server/domain/wire";

export function shell(command: ShellArgs["command"], more: Partial<ShellArgs> = {}): Command {
  return {
    name: "shell",
    args: { workdir: "build", logEnviron: false, timeout: 60, ...more, command },
  };
}
