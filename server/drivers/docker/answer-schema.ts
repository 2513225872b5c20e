/**
 * Lists and maps of an engine's answer, which may be as long as an answer may be and made of anything: the
 * first thing that is wrong is enough to know. A list of zod's notes each of eight million, which takes
 * minutes and gigabytes of a process that serves everybody.
 */
import { z } from "zod";

/** More than anybody has; whoever says so is not believed. */
const MOST = 10_000;

const anyList = z.custom<readonly unknown[]>(Array.isArray, "is no list");

export function listOf<T>(item: z.ZodType<T>) {
  return anyList.transform((values, context) => {
    if (values.length > MOST) return wrong(context, [], `has more than ${MOST} entries`);
    const items: T[] = [];
    for (const [at, value] of values.entries()) {
      const parsed = item.safeParse(value);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        return wrong(context, [at, ...(issue?.path ?? [])], issue?.message ?? "is wrong");
      }
      items.push(parsed.data);
    }
    return items;
  });
}

export const texts = anyList.transform((values, context) => {
  if (values.length > MOST) return wrong(context, [], `has more than ${MOST} entries`);
  const at = values.findIndex((value) => typeof value !== "string");
  return at < 0 ? (values as readonly string[]) : wrong(context, [at], "is no text");
});

/** Of a map of texts those that are known by name; whatever else it has is not looked at. */
export function textsNamed(names: readonly string[]) {
  return z
    .custom<Readonly<Record<string, unknown>>>(isMap, "is no map")
    .transform((map): Readonly<Record<string, string>> => {
      const known = names.flatMap((name) => {
        const value = Object.hasOwn(map, name) ? map[name] : undefined;
        return typeof value === "string" ? [[name, value] as const] : [];
      });
      return Object.fromEntries(known);
    });
}

const isMap = (value: unknown) =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function wrong(context: z.RefinementCtx, path: PropertyKey[], message: string): never {
  context.addIssue({ code: "custom", path, message });
  return z.NEVER;
}
