/** The registry: one line per kind. */
import { accessesOf } from "../domain/locks";
import type { StepKind, Steps } from "./contract";
import { copyDirectory, makeDirectory, removeDirectory } from "./directories/directories";
import { fileExists } from "./directories/file-exists";
import { git } from "./git/git";
import { resultFlags, stepName } from "./options";
import { fixedStepOptions } from "./schema";
import { setPropertiesFromEnv } from "./set-property/set-properties-from-env";
import { setProperties, setProperty } from "./set-property/set-property";
import { setPropertyFromCommand } from "./shell/set-property-from-command";
import { shellCommand } from "./shell/shell-command";

const KINDS = [
  shellCommand,
  git,
  setProperty,
  setProperties,
  setPropertyFromCommand,
  setPropertiesFromEnv,
  makeDirectory,
  removeDirectory,
  copyDirectory,
  fileExists,
];

const byType = new Map<unknown, StepKind<unknown>>(
  KINDS.map((kind) => [kind.type, kind as StepKind<unknown>]),
);

export const steps: Steps = {
  plan(written) {
    const kind = kindOf(written);
    const fixed = fixedStepOptions.parse({ ...kind.defaults, ...written });
    return {
      name: stepName(written, kind.name),
      flags: resultFlags(fixed),
      isHidden: fixed.hideStepIf,
      locks: accessesOf(fixed.locks),
    };
  },
  make(options, shown) {
    const kind = kindOf(options);
    const parsed = kind.schema.parse(options);
    // What is shown may be no valid value: then all texts are redacted instead.
    const named = shown === options ? parsed : (kind.schema.safeParse(shown).data ?? parsed);
    return kind.make(parsed, named);
  },
};

function kindOf(options: unknown): StepKind<unknown> {
  const { type } = (options ?? {}) as { type?: unknown };
  const kind = byType.get(type);
  if (!kind) throw new Error(`there is no step type ${JSON.stringify(type)}`);
  return kind;
}
