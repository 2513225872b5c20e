/** What was last used with a force scheduler, in this browser. */
import type { Field } from "../../../server/domain/force";
import { leaves } from "../../../server/domain/force";
import type { Values } from "./values";

const keyOf = (org: string, scheduler: string) => `slipway.force.${org}.${scheduler}`;
const MAX_CHARACTERS = 20_000;

export function rememberedValues(org: string, scheduler: string): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(keyOf(org, scheduler)) ?? "{}");
    return typeof found === "object" && found !== null ? (found as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Not files, and not the reason: the next build has one of its own. */
export function rememberValues(
  org: string,
  scheduler: string,
  fields: readonly Field[],
  values: Values,
): void {
  const [who] = fields;
  const reason = who?.fields?.find((field) => field.kind !== "UserNameParameter")?.fullName;
  const kept = [...leaves(fields)].flatMap(({ fullName, type }) =>
    type === "file" || fullName === reason || values[fullName] === undefined
      ? []
      : [[fullName, values[fullName]]],
  );
  const text = JSON.stringify(Object.fromEntries(kept));
  try {
    if (text.length <= MAX_CHARACTERS) localStorage.setItem(keyOf(org, scheduler), text);
  } catch {
    // A browser that keeps nothing starts builds all the same.
  }
}

export function forgetValues(org: string, scheduler: string): void {
  try {
    localStorage.removeItem(keyOf(org, scheduler));
  } catch {
    // As above.
  }
}
