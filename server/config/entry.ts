/** One worker or pool of the organisation's document, as it would be stored. Pure. */
import type { Documents } from "./schema";
import { prepare } from "./take-out";

/** Hidden values taken out: `%(secret:NAME)s` in their places, as an activation would do it. */
export function sealedEntry<E extends object>(
  entry: E,
  collection: "workers" | "pools" = "workers",
): { entry: E; secrets: readonly { readonly name: string; readonly value: string }[] } {
  const organization = { [collection]: [entry] } as unknown as Documents["organization"];
  const [prepared] = prepare({ organization, projects: {} }, () => "");
  const document = prepared?.document as Readonly<Record<string, readonly E[]>> | undefined;
  const [sealed] = document?.[collection] ?? [];
  return { entry: sealed ?? entry, secrets: prepared?.secrets ?? [] };
}
