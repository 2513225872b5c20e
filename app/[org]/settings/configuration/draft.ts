/** What somebody wrote and did not activate, kept in this browser until they do or throw it away. */
import * as z from "zod/mini";

const shape = z.object({ text: z.string(), base: z.number(), savedAt: z.number() });
export type Draft = z.infer<typeof shape>;

const keyOf = (org: string, document: string) => `slipway:draft:${org}:${document}`;

export function readDraft(org: string, document: string): Draft | null {
  try {
    const found = shape.safeParse(JSON.parse(localStorage.getItem(keyOf(org, document)) ?? "null"));
    return found.success ? found.data : null;
  } catch {
    return null;
  }
}

/** Storage that is full or shut off costs the draft and nothing else. */
export function keepDraft(org: string, document: string, draft: Omit<Draft, "savedAt">): void {
  try {
    localStorage.setItem(keyOf(org, document), JSON.stringify({ ...draft, savedAt: Date.now() }));
  } catch {}
}

export function dropDraft(org: string, document: string): void {
  try {
    localStorage.removeItem(keyOf(org, document));
  } catch {}
}
