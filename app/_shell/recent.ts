/** Where this browser went last from the command menu, newest first, per organisation. */
import * as z from "zod/mini";

const visit = z.object({ path: z.string(), label: z.string(), kind: z.string() });
export type Visit = z.infer<typeof visit>;

const KEPT = 6;
const keyOf = (org: string) => `slipway.recent.${org}`;

export function remembered(org: string): Visit[] {
  try {
    return z.array(visit).parse(JSON.parse(localStorage.getItem(keyOf(org)) ?? "[]"));
  } catch {
    return [];
  }
}

export function rememberVisit(org: string, made: Visit): void {
  const others = remembered(org).filter(({ path }) => path !== made.path);
  try {
    localStorage.setItem(keyOf(org), JSON.stringify([made, ...others].slice(0, KEPT)));
  } catch {
    // Full or refused storage: recent places are a convenience.
  }
}
