import { distance } from "../../domain/text";

/** The command that was most likely meant: one or two slips of the keys away, or null. */
export function nearest(given: readonly string[], known: readonly string[]): string | null {
  const [first = ""] = given;
  const scored = known.map((name) => {
    const ways = [given.join(" "), first].map((text) => distance(text, name));
    return { name, slips: Math.min(...ways, distance(first, name.split(" ", 1)[0] ?? "")) };
  });
  const [best] = scored.sort((a, b) => a.slips - b.slips);
  return best && best.slips <= Math.max(1, Math.floor(first.length / 3)) ? best.name : null;
}
