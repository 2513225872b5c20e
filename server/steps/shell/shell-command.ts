/** Runs one command on the worker; its exit status is the result (CORE §5.2, C-040 to C-043). */
import { CANCELLED, EXCEPTION, FAILURE, RESULTS, RETRY, type Result } from "../../domain/builds";
import type { Argument, CommandEnd, ShellArgs } from "../../domain/wire";
import type { StepContext, StepKind } from "../contract";
import { texts } from "../options";
import { type NestedText, type ShellCommandOptions, shellCommandSchema } from "./schema";

export const shellCommand: StepKind<ShellCommandOptions> = {
  type: "ShellCommand",
  name: "shell",
  schema: shellCommandSchema,
  make(options, shown) {
    const { running, done } = texts(shown, titleOf(argv(shown.command)));
    return {
      doStepIf: options.doStepIf,
      description: running,
      async run(context) {
        const args = shellArgs(options, shown, context);
        if (options.logEnviron && !args.logEnviron) {
          context.header("environment not printed: hidden values are in it\n");
        }
        return conclude(await context.command({ name: "shell", args }), options, done, context);
      },
    };
  },
};

export function shellArgs(
  options: ShellCommandOptions,
  shown: ShellCommandOptions,
  context: StepContext,
): ShellArgs {
  const isEnvHidden =
    context.isEnvHidden || JSON.stringify(options.env) !== JSON.stringify(shown.env);
  return {
    command: hiding(argv(options.command), argv(shown.command), context.worker.system),
    workdir: options.workdir,
    env: { ...context.env, ...options.env },
    want_stdout: options.want_stdout,
    want_stderr: options.want_stderr,
    logfiles: options.logfiles,
    timeout: options.timeout,
    maxTime: options.maxTime,
    ...(options.max_lines === null ? {} : { max_lines: options.max_lines }),
    sigtermTime: options.sigtermTime,
    interruptSignal: options.interruptSignal,
    usePTY: options.usePTY,
    logEnviron: options.logEnviron && !isEnvHidden,
    initial_stdin: options.initialStdin,
  };
}

/** Workers print the command line: where it differs from what may be shown, they print that. */
function hiding(
  real: string | readonly string[],
  shown: string | readonly string[],
  system: string,
): ShellArgs["command"] {
  if (typeof real === "string" || typeof shown === "string") {
    if (real === shown || typeof real !== "string" || typeof shown !== "string") return real;
    // A text has no shown form on the wire; an argv has. On Windows the log's redaction is left.
    return system === "nt" ? real : ["/bin/sh", "-c", { real, shown }];
  }
  return real.map((argument, index): Argument => {
    const name = shown[index];
    return name === undefined || name === argument ? argument : { real: argument, shown: name };
  });
}

const KILLED: Record<string, string> = {
  timeout_without_output: " (timed out)",
  timeout: " (timed out)",
  max_lines_failure: " (max lines reached)",
};

export function conclude(
  end: CommandEnd,
  options: ShellCommandOptions,
  title: string,
  context: StepContext,
): { result: Result; summary: string } {
  switch (end.kind) {
    case "lost":
      return { result: RETRY, summary: `${title} (worker lost)` };
    case "failed":
      context.header(`the worker could not run the command: ${end.message}\n`);
      return { result: EXCEPTION, summary: `${title} (exception)` };
    case "completed": {
      if (context.stop.aborted) return { result: CANCELLED, summary: `${title} (cancelled)` };
      if (end.rc === null) {
        context.header("the worker sent no exit status\n");
        return { result: FAILURE, summary: `${title} (failure)` };
      }
      context.header(`program finished with exit code ${end.rc}\n`);
      const name = options.decodeRC[String(end.rc)];
      const result = name === undefined ? FAILURE : RESULTS[name];
      const how = result === RESULTS.SUCCESS ? "" : ` (${resultWord(result)})`;
      const killed = end.failureReason ? KILLED[end.failureReason] : "";
      return { result, summary: `${title}${killed || how}` };
    }
  }
}

function resultWord(result: Result): string {
  const entry = Object.entries(RESULTS).find(([, value]) => value === result);
  return entry ? entry[0].toLowerCase() : "?";
}

function argv(command: ShellCommandOptions["command"]): string | string[] {
  return typeof command === "string" ? command : command.flatMap(flatten);
}

function flatten(item: NestedText): string[] {
  return typeof item === "string" ? [item] : item.flatMap(flatten);
}

/** As Buildbot's users know it: the first words, quoted. */
function titleOf(command: string | readonly string[]): string {
  const list = typeof command === "string" ? command.trim().split(/\s+/) : command;
  const first = list.slice(0, 2).join(" ");
  return `'${list.length > 2 ? `${first} ...` : first}'`;
}
