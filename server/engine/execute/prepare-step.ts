/** From a step's options as written to a step that can run: rendered first, then parsed strictly. */
import { z } from "zod";
import type { JsonValue } from "../../domain/properties";
import type { Step, StepPlan, Steps } from "../../steps/contract";
import { message } from "./build-summary";
import type { BuildValues } from "./build-values";
import { unique } from "./step-logs";

export type WrittenStep = Readonly<Record<string, JsonValue>>;

export interface Planned extends StepPlan {
  readonly written: WrittenStep;
}

const MAX_NAME = 50;

/**
 * Names are rendered when the build begins, over what is known then.
 * @param taken names that other steps of the build have already
 * @throws Error, ZodError
 */
export function planSteps(
  kinds: Steps,
  written: readonly WrittenStep[],
  values: BuildValues,
  taken: readonly string[] = [],
): Planned[] {
  const names = new Set<string>(taken);
  return written.map((options) => {
    const plan = kinds.plan(options);
    return { ...plan, name: unique(nameOf(plan, values), names), written: options };
  });
}

function nameOf(plan: StepPlan, values: BuildValues): string {
  try {
    const name = values.redact(values.renderShown(plan.name, values.render(plan.name)));
    return name.slice(0, MAX_NAME) || plan.name;
  } catch {
    return plan.name;
  }
}

/** A step always comes of it: what cannot be rendered or is no valid option ends it in EXCEPTION. */
export function prepareStep(kinds: Steps, planned: Planned, values: BuildValues): Step {
  const { name: _, ...written } = planned.written;
  // The name stands already, and is not rendered again.
  const name = planned.name.slice(0, MAX_NAME);
  try {
    const { doStepIf = true } = written;
    if (!values.isTrue(doStepIf)) return refused(planned, "", false);
    const rendered = values.render(written);
    const shown = values.renderShown(written, rendered);
    const options = { ...rendered, name };
    return kinds.make(options, shown === rendered ? options : { ...shown, name });
  } catch (error) {
    return refused(planned, reasonOf(error), true);
  }
}

function refused({ name }: Planned, reason: string, doStepIf: boolean): Step {
  return {
    doStepIf,
    description: name,
    run: () => Promise.reject(new Error(reason)),
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof z.ZodError)) return message(error);
  const lines = error.issues.map(
    ({ path, message: text }) => `${path.join(".") || "step"}: ${text}`,
  );
  return `its options are not valid: ${lines.join("; ")}`;
}
