/** Links to lines: `#L120`, `#L120-L134`, and `#s4-L120` where a page shows several logs. */
export interface LineRange {
  /** From 0, as in `Line`. */
  readonly first: number;
  readonly last: number;
}

export function parseAnchor(hash: string, prefix = ""): LineRange | null {
  const text = hash.replace(/^#/, "");
  if (!text.startsWith(prefix)) return null;
  const match = /^L([1-9]\d{0,9})(?:-L?([1-9]\d{0,9}))?$/.exec(text.slice(prefix.length));
  if (!match) return null;
  const one = Number(match[1]) - 1;
  const other = match[2] === undefined ? one : Number(match[2]) - 1;
  return { first: Math.min(one, other), last: Math.max(one, other) };
}

export function formatAnchor({ first, last }: LineRange, prefix = ""): string {
  return `#${prefix}L${first + 1}${last === first ? "" : `-L${last + 1}`}`;
}
