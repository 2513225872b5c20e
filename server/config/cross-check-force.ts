/** What must hold between a force scheduler and the builders it starts. Pure. */
import { type ForceOptions, forceForm, leaves } from "../domain/force";
import { placedBuilders } from "./cross-check";
import { quote } from "./fields";
import type { Placed } from "./placed";
import type { Problem } from "./problems";
import type { Documents } from "./schema";

/** A choice of the worker that nothing obeys would be a lie. */
export function checkWorkerChoice(
  { name, options, path }: Placed,
  documents: Documents,
): Problem[] {
  if (options.type !== "ForceScheduler" || !asksForWorker(name, options)) return [];
  const deaf = placedBuilders(documents).filter(
    ({ builder }) => builder.canStartBuild !== "enforceChosenWorker",
  );
  return [options.builderNames as readonly string[]].flat().flatMap((wanted, index): Problem[] => {
    if (!deaf.some(({ builder }) => builder.name === wanted)) return [];
    const message = `builder ${quote(wanted)} needs canStartBuild: enforceChosenWorker, as this scheduler lets people choose the worker`;
    return [{ path: [...path, "builderNames", index], message, of: "value" }];
  });
}

function asksForWorker(name: string, options: unknown): boolean {
  const { properties } = forceForm(name, options as ForceOptions);
  return [...leaves(properties)].some(({ kind }) => kind === "WorkerChoiceParameter");
}
