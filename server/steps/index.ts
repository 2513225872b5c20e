/** The registry: one line per kind. */
import type { Step } from "./contract";
import { shellCommand } from "./shell/shell-command";
import { stepSchema } from "./step-schema";

/** A step of its options as the configuration holds them. @throws ZodError */
export function makeStep(config: unknown): Step {
  const options = stepSchema.parse(config);
  switch (options.type) {
    case "ShellCommand":
      return shellCommand.make(options);
  }
}
