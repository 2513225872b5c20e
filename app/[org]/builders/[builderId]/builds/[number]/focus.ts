/** Which step and log a build's page opens on when the address names none. Pure. */
import { isBad } from "../../../../../_features/status/states";

interface StepLike {
  readonly number: number;
  readonly state: string;
  readonly result: number | null;
  readonly isHidden: boolean;
  readonly logs: readonly { readonly slug: string; readonly lineCount: number }[];
}

/**
 * A red build opens on its first failed step, a running one on the step that runs, a green one on
 * the last step that said something.
 */
export function stepToOpen<S extends StepLike>(build: {
  readonly state: string;
  readonly result: number | null;
  readonly steps: readonly S[];
}): S | null {
  const { steps } = build;
  const failed = steps.find((step) => isBad(step.result));
  if (failed && (isBad(build.result) || build.result === null)) return failed;
  const running = steps.find((step) => step.state === "running");
  if (running) return running;
  const shown = steps.filter((step) => !step.isHidden);
  const spoke = shown.filter((step) => step.logs.some((log) => log.lineCount > 0));
  const warned = spoke.find((step) => step.result === 1);
  return warned ?? spoke.at(-1) ?? shown.at(-1) ?? null;
}

/** The log named, else the standard one, else the first that has lines. */
export function logToOpen<L extends { readonly slug: string; readonly lineCount: number }>(
  logs: readonly L[],
  slug: string | null,
): L | null {
  return (
    logs.find((log) => log.slug === slug) ??
    logs.find((log) => log.slug === "stdio") ??
    logs.find((log) => log.lineCount > 0) ??
    logs[0] ??
    null
  );
}

/** The next bad step after the one in view, starting over at the end. */
export function nextFailed<S extends StepLike>(steps: readonly S[], from: number | null): S | null {
  const bad = steps.filter((step) => isBad(step.result));
  return bad.find((step) => from === null || step.number > from) ?? bad[0] ?? null;
}
