/**
 * Arguments that are run and not shown, for a protocol that has no form for them (protocol §8.3).
 *
 * A real worker prints the whole command in its header. So on a POSIX worker the hidden ones travel in
 * variables, spelled in octal, since the worker would replace `${…}` in their text; a shell
 * takes them out of the environment again and becomes the program with the arguments that were meant:
 *
 *     /bin/sh -c 'a1=$(printf "%b." "$SLIPWAY_HIDDEN_1"); unset SLIPWAY_HIDDEN_1; exec curl "${a1%.}"'
 *
 * The dot keeps newlines at the end. The lines of the header that list the variables are left out of
 * the log. Windows has no quoting that could be relied on, so there the command is refused.
 */
import type { Argument, CommandSink, ShellArgs } from "../../domain/wire";

const VARIABLE = "SLIPWAY_HIDDEN_";
const SHELL = "/bin/sh";

/** The same command without hidden arguments; the very same when there were none. */
export function withoutHidden(args: ShellArgs, isPosix: boolean): ShellArgs {
  const { command } = args;
  if (!hasHidden(args)) return args;
  if (!isPosix) {
    throw new Error(
      "this command has hidden arguments, which cannot be kept hidden from the log of a Windows " +
        "worker over msgpack; connect the worker with --protocol=pb, or pass them in the environment",
    );
  }
  const env: Record<string, string> = {};
  const takes: string[] = [];
  const words = (command as readonly Argument[]).map((argument) => {
    if (typeof argument === "string") return quoted(argument);
    const number = takes.length + 1;
    const variable = VARIABLE + number;
    env[variable] = octal(argument.real);
    takes.push(`slipway_${number}=$(printf '%b.' "$${variable}"); unset ${variable}; `);
    return `"\${slipway_${number}%.}"`;
  });
  return {
    ...args,
    command: [SHELL, "-c", `${takes.join("")}exec ${words.join(" ")}`],
    env: { ...args.env, ...env },
  };
}

export function hasHidden(args: ShellArgs): boolean {
  return (
    typeof args.command !== "string" &&
    args.command.some((argument) => typeof argument !== "string")
  );
}

/** The sink without the lines of the header that list our variables. */
export function withoutHiddenLines(sink: CommandSink): CommandSink {
  const line = new RegExp(`^ *${VARIABLE}\\d+=.*\\n`, "gm");
  return {
    output(stream, text) {
      if (stream !== "header") return sink.output(stream, text);
      const shown = Buffer.from(text).toString("utf8").replace(line, "");
      return shown === "" ? undefined : sink.output(stream, Buffer.from(shown));
    },
    log: (name, text) => sink.log(name, text),
    stat: (value) => sink.stat?.(value),
    files: (names) => sink.files?.(names),
  };
}

/** As a word of a shell command, whatever it holds. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** For `%b` of printf: every byte by its number, so that nothing on the way reads it as something else. */
function octal(text: string): string {
  return Array.from(Buffer.from(text), (byte) => `\\0${byte.toString(8).padStart(3, "0")}`).join(
    "",
  );
}
