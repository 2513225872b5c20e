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

/** Letters to put in, leave out or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [at, letter] of [...a].entries()) {
    const next = [at + 1];
    for (const [index, other] of [...b].entries()) {
      const changed = (row[index] as number) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[index + 1] as number) + 1, (next[index] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
