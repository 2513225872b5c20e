/** Runs one command on the worker; its exit status is the result (CORE §5.2, C-040 to C-043). */
import { CANCELLED, EXCEPTION, FAILURE, RESULTS, RETRY, type Result } from "../../domain/builds";
import type { CommandEnd, ShellArgs } from "../../domain/wire";
import type { Step, StepContext, StepKind } from "../contract";
import { resultFlags, words } from "../options";
import type { NestedText, ShellCommandOptions } from "./schema";

export const shellCommand: StepKind<ShellCommandOptions> = {
  type: "ShellCommand",
  make: (options): Step => {
    const command = argv(options.command);
    const title = words(options.description) ?? shown(command);
    const suffix = options.descriptionSuffix ? ` ${words(options.descriptionSuffix)}` : "";
    return {
      name: options.name ?? "shell",
      flags: resultFlags(options),
      doStepIf: options.doStepIf,
      isHidden: options.hideStepIf,
      description: title + suffix,
      async run(context) {
        const end = await context.command({ name: "shell", args: shellArgs(options, context) });
        const done = words(options.descriptionDone) ?? title;
        return conclude(end, options, done + suffix, context);
      },
    };
  },
};

function shellArgs(options: ShellCommandOptions, context: StepContext): ShellArgs {
  return {
    command: argv(options.command),
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
    logEnviron: options.logEnviron,
    initial_stdin: options.initialStdin,
  };
}

const KILLED: Record<string, string> = {
  timeout_without_output: " (timed out)",
  timeout: " (timed out)",
  max_lines_failure: " (max lines reached)",
};

function conclude(
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
function shown(command: string | readonly string[]): string {
  const list = typeof command === "string" ? command.trim().split(/\s+/) : command;
  const first = list.slice(0, 2).join(" ");
  return `'${list.length > 2 ? `${first} ...` : first}'`;
}
