/** SetPropertyFromCommand: what a command prints becomes a property, if it succeeds. */
import type { z } from "zod";
import { FAILURE, SUCCESS, WARNINGS } from "../../domain/builds";
import type { StepKind } from "../contract";
import { texts } from "../options";
import { setPropertyFromCommandSchema, shellCommandSchema } from "./schema";
import { conclude, shellArgs } from "./shell-command";

type Options = z.output<typeof setPropertyFromCommandSchema>;

export const setPropertyFromCommand: StepKind<Options> = {
  type: "SetPropertyFromCommand",
  name: "setproperty",
  schema: setPropertyFromCommandSchema,
  make(options, shown) {
    const { running, done } = texts(shown, "setting property", `property '${shown.property}' set`);
    return {
      doStepIf: options.doStepIf,
      description: running,
      async run(context) {
        const shell = asShell(options);
        const args = shellArgs(shell, asShell(shown), context);
        const { end, kept } = await context.keep({ name: "shell", args });
        const outcome = conclude(end, shell, done, context);
        if (outcome.result !== SUCCESS && outcome.result !== WARNINGS) return outcome;
        if (kept.isCut) {
          context.header("it printed more than a property can hold\n");
          return { result: FAILURE, summary: `${done} (failure)` };
        }
        const said =
          (options.includeStdout ? kept.stdout : "") + (options.includeStderr ? kept.stderr : "");
        const value = options.strip ? said.trim() : said;
        context.setProperty(options.property, value, "SetPropertyFromCommand Step");
        context.header(`${options.property}: ${value}\n`);
        return outcome;
      },
    };
  },
};

function asShell({ command, workdir, env, timeout, maxTime, logEnviron }: Options) {
  const type = "ShellCommand";
  return shellCommandSchema.parse({ type, command, workdir, env, timeout, maxTime, logEnviron });
}
