/**
 * Where in a document a position is: inside which keys and lists, at a name or at a value. Works on
 * text that is being typed, so it never parses: blocks go by their indentation, braces by counting.
 * Pure.
 */
export interface Place {
  /** Keys, and 0 for an item of a list, around the position. */
  readonly path: readonly (string | 0)[];
  /** Of the value that is being written; null: a name is, or an item of a list. */
  readonly key: string | null;
  /** Names that the map holds already, with what stands behind them. */
  readonly siblings: ReadonlyMap<string, string>;
  /** Where the word under the position begins. */
  readonly from: number;
}

interface Frame {
  readonly open: "{" | "[";
  readonly at: number;
  /** Behind the last comma. */
  since: number;
  readonly pairs: Map<string, string>;
}

export function placeAt(text: string, position: number): Place | null {
  const before = text.slice(0, position);
  const frames = openFrames(before);
  if (frames === null) return null;
  const [outer] = frames;
  const start = outer ? outer.at : position;
  const block = blockPlace(text, start);
  if (!outer) return block;
  const path: (string | 0)[] = [...block.path, ...(block.key === null ? [] : [block.key])];
  frames.forEach((frame, index) => {
    if (index > 0) {
      const parent = frames[index - 1] as Frame;
      path.push(parent.open === "[" ? 0 : keyOf(before.slice(parent.since, frame.at)));
    }
  });
  const inner = frames.at(-1) as Frame;
  const segment = before.slice(inner.since);
  const isMap = inner.open === "{";
  const key = isMap && /:\s/.test(`${segment} `) ? keyOf(segment) : null;
  const isValue = key !== null && segment.includes(":");
  return {
    path: isMap ? path : [...path, 0],
    key: isValue ? key : null,
    siblings: new Map([...inner.pairs, ...laterPairs(text, position, inner)]),
    from: position - wordLength(segment),
  };
}

const WORD = /[^\s,:{}[\]"'#]*$/;

/** A reference to a secret is one word, whatever it holds. */
const wordLength = (segment: string): number =>
  (/["']?%\([^)]*$/.exec(segment) ?? WORD.exec(segment))?.[0].length ?? 0;

const keyOf = (segment: string): string =>
  segment
    .split(":")[0]
    ?.trim()
    .replace(/^["']|["']$/g, "") ?? "";

/** The braces that are open at the end of a text; null: it ends inside a comment. */
function openFrames(text: string): Frame[] | null {
  const frames: Frame[] = [];
  let offset = 0;
  let literalBelow = -1;
  let isComment = false;
  for (const line of text.split("\n")) {
    const indent = line.search(/\S|$/);
    const isLiteral = literalBelow >= 0 && (line.trim() === "" || indent > literalBelow);
    if (!isLiteral) {
      literalBelow = -1;
      isComment = scanLine(line, offset, frames);
      if (frames.length === 0 && /(^|[\s:-])[|>][+-]?\d?\s*(#.*)?$/.test(line))
        literalBelow = indent;
    }
    offset += line.length + 1;
  }
  return isComment ? null : frames;
}

/** @returns whether the line ends in a comment */
function scanLine(line: string, offset: number, frames: Frame[]): boolean {
  let quote: string | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] as string;
    const isAtStart = /(^|[:\-,[{]\s*|\s)$/.test(line.slice(0, at));
    const top = frames.at(-1);
    if (quote !== null) {
      if (char === "\\" && quote === '"') at += 1;
      else if (char === quote) quote = null;
    } else if ((char === '"' || char === "'") && isAtStart) quote = char;
    else if (char === "#" && (at === 0 || /\s/.test(line[at - 1] ?? ""))) return true;
    else if ((char === "{" || char === "[") && (top || /(^|:\s|-\s)\s*$/.test(line.slice(0, at)))) {
      frames.push({ open: char, at: offset + at, since: offset + at + 1, pairs: new Map() });
    } else if (top && (char === "}" || char === "]")) {
      frames.pop();
    } else if (top && char === ",") {
      remember(top, line.slice(Math.max(0, top.since - offset), at));
      top.since = offset + at + 1;
    }
  }
  return false;
}

function remember(frame: Frame, segment: string): void {
  if (frame.open === "{" && segment.includes(":")) {
    frame.pairs.set(keyOf(segment), segment.slice(segment.indexOf(":") + 1).trim());
  }
}

/** Names behind the position in the same braces, on the same line. */
function laterPairs(text: string, position: number, frame: Frame): [string, string][] {
  if (frame.open === "[") return [];
  const rest = text.slice(position).split(/[}\n]/)[0] ?? "";
  const [, ...segments] = rest.split(",");
  return segments.flatMap((segment) =>
    segment.includes(":")
      ? [[keyOf(segment), segment.slice(segment.indexOf(":") + 1).trim()] as [string, string]]
      : [],
  );
}

interface Line {
  /** Columns of its dashes. */
  readonly dashes: readonly number[];
  /** Where its content begins. */
  readonly column: number;
  readonly key: string | null;
  readonly value: string;
}

const KEY = /^("[^"]*"|'[^']*'|[^\s#:[\]{},][^:#]*?):(?:\s+(.*))?$/;

function asLine(text: string): Line | null {
  const dashes: number[] = [];
  let column = text.search(/\S|$/);
  while (/^-(\s|$)/.test(text.slice(column))) {
    dashes.push(column);
    column += 1 + (text.slice(column + 1).search(/\S|$/) || 1);
  }
  const content = text.slice(column);
  if (content.trim() === "" && dashes.length === 0) return null;
  if (content.startsWith("#")) return null;
  const [, key, value = ""] = KEY.exec(content.trimEnd()) ?? [];
  return { dashes, column, key: key?.replace(/^["']|["']$/g, "") ?? null, value };
}

function blockPlace(text: string, position: number): Place {
  const lines = text.split("\n");
  const row = text.slice(0, position).split("\n").length - 1;
  const lineStart = text.lastIndexOf("\n", position - 1) + 1;
  const typed = text.slice(lineStart, position);
  const own = asLine(typed);
  const column = own?.column ?? typed.length;
  const siblings = siblingsOf(lines, row, column, (own?.dashes.length ?? 0) > 0);
  const path = pathTo(lines, row, column, own?.dashes ?? []);
  return {
    path,
    key: own?.key ?? null,
    siblings,
    from: position - wordLength(typed),
  };
}

/** Keys above, from the outside in. */
function pathTo(
  lines: readonly string[],
  row: number,
  column: number,
  dashes: readonly number[],
): (string | 0)[] {
  const path: (string | 0)[] = [];
  let reach = column;
  let isItem = false;
  const step = (columns: readonly number[]) => {
    for (const dash of [...columns].reverse()) {
      if (dash >= reach) continue;
      path.unshift(0);
      reach = dash;
      isItem = true;
    }
  };
  step(dashes);
  for (let at = row - 1; at >= 0; at -= 1) {
    const line = asLine(lines[at] ?? "");
    if (!line) continue;
    // A list may stand as far left as the name it belongs to.
    const isAbove = line.column < reach || (isItem && line.column === reach);
    if (line.key !== null && isAbove && (line.dashes.length === 0 || line.column < reach)) {
      path.unshift(line.key);
      reach = line.column;
      isItem = false;
      step(line.dashes);
    } else if (line.column <= reach && line.dashes.length > 0 && !isItem) {
      step(line.dashes);
    }
    if (reach <= 0 && !isItem) break;
  }
  return path;
}

/** Names in the same map, above and below, as far as its lines go. */
function siblingsOf(
  lines: readonly string[],
  row: number,
  column: number,
  isFirst: boolean,
): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (from: number, by: 1 | -1): void => {
    for (let at = from; at >= 0 && at < lines.length; at += by) {
      const line = asLine(lines[at] ?? "");
      if (!line || line.column > column) continue;
      if (line.column < column) return;
      if (by === 1 && line.dashes.length > 0) return;
      if (line.key !== null) found.set(line.key, line.value);
      if (line.dashes.length > 0) return;
    }
  };
  if (!isFirst) visit(row - 1, -1);
  visit(row + 1, 1);
  return found;
}
