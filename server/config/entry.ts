/** One worker of the organisation's document, as it would be stored. Pure. */
import type { Documents } from "./schema";
import { prepare } from "./take-out";

/** Hidden values taken out: `%(secret:NAME)s` in their places, as an activation would do it. */
export function sealedEntry<E extends object>(
  entry: E,
): { entry: E; secrets: readonly { readonly name: string; readonly value: string }[] } {
  const organization = { workers: [entry] } as unknown as Documents["organization"];
  const [prepared] = prepare({ organization, projects: {} }, () => "");
  const [sealed] = (prepared?.document as { workers?: readonly E[] } | undefined)?.workers ?? [];
  return { entry: sealed ?? entry, secrets: prepared?.secrets ?? [] };
}
