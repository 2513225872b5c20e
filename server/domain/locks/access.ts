/**
 * What of a lock a build, a worker's builds or a step ask for (CORE §11): `NAME`, which is one count of
 * it, or `{name: NAME, mode: counting, count: N}`, or `{name: NAME, mode: exclusive}`.
 */
import { z } from "zod";

export const MOST_COUNT = 1_000;

export const lockName = z
  .string()
  .min(1, "must not be empty")
  .max(100, "must have at most 100 characters")
  .refine((value) => !/[\p{C}\p{Zl}\p{Zp}]/u.test(value) && value.trim() === value, {
    message: "must not contain control characters, nor begin or end with a space",
  });

const written = z.strictObject({
  name: lockName,
  mode: z.enum(["counting", "exclusive"]).optional(),
  count: z.number().int().min(0).max(MOST_COUNT).optional(),
});

const lockAccess = z
  .union([lockName, written], {
    error: "must be the name of a lock, or {name, mode: counting or exclusive, count}",
  })
  .superRefine((value, context) => {
    if (typeof value === "string" || value.mode !== "exclusive" || value.count === undefined)
      return;
    const message = "is for counting access: an exclusive one has the lock to itself";
    context.addIssue({ code: "custom", path: ["count"], message });
  });

export const lockAccesses = z
  .array(lockAccess)
  .max(50, "must have at most 50 entries")
  .superRefine((list, context) => {
    const names = list.map((one) => (typeof one === "string" ? one : one.name));
    for (const [index, name] of names.entries()) {
      if (names.indexOf(name) === index) continue;
      const message = `names ${JSON.stringify(name)} twice`;
      context.addIssue({ code: "custom", path: [index], message });
    }
  });

export interface LockAccess {
  readonly name: string;
  readonly isExclusive: boolean;
  /** Of a counting access; 0 is always granted. */
  readonly count: number;
}

/** Throws nothing: what is no list of accesses is none. */
export function accessesOf(value: unknown): LockAccess[] {
  const { data = [] } = lockAccesses.safeParse(value ?? []);
  return data.map((one) => {
    const { name, mode, count = 1 } = typeof one === "string" ? { name: one } : one;
    return { name, isExclusive: mode === "exclusive", count };
  });
}

/** One for each lock, strong enough for all of them: a build holds a lock once. */
export function strongest(accesses: readonly LockAccess[]): LockAccess[] {
  const byName = new Map<string, LockAccess>();
  for (const access of accesses) {
    const { isExclusive = false, count = 0 } = byName.get(access.name) ?? {};
    byName.set(access.name, {
      name: access.name,
      isExclusive: isExclusive || access.isExclusive,
      count: Math.max(count, access.count),
    });
  }
  return [...byName.values()];
}
