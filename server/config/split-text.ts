/**
 * The text of each document in a file, as the person wrote it: comments, order and layout survive.
 * Lines are cut where the keys stand; a document whose lines cannot be cut out (written in braces,
 * or leaning on an anchor of another document) is written anew from what the reader understood.
 * Pure.
 */
import {
  Alias,
  Document,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  stringify,
  visit,
  type YAMLMap,
} from "yaml";
import { canonicalJson } from "./compile";

export interface Texts {
  /** Null: the file does not hold it. */
  readonly organization: string | null;
  readonly projects: Readonly<Record<string, string>>;
}

interface Values {
  readonly organization: object | null;
  readonly projects: Readonly<Record<string, object>>;
}

const HEADER = /^# slipway configuration, revision \d+\n/m;

export function splitText(file: string, document: Document, values: Values): Texts {
  const text = file.replaceAll("\r\n", "\n").replace(/^\uFEFF/, "");
  const cut = cutFile(text, document);
  const root = document.contents;
  const projects = isMap(root) ? root.get("projects", true) : null;
  const chosen = (own: string | undefined, node: () => unknown, value: object) =>
    [own, rewritten(node(), document)].find(
      (candidate) => candidate !== undefined && holds(candidate, value),
    ) ?? plainText(value);
  return {
    organization:
      values.organization &&
      chosen(cut?.organization, () => withoutProjects(root), values.organization),
    projects: Object.fromEntries(
      Object.entries(values.projects).map(([name, value]) => [
        name,
        chosen(
          cut?.projects.get(name),
          () => (isMap(projects) ? projects.get(name, true) : null),
          value,
        ),
      ]),
    ),
  };
}

/** One file of all documents. */
export function joinTexts(
  organization: string,
  projects: readonly (readonly [name: string, text: string])[],
): string {
  if (projects.length === 0) return organization;
  const sections = projects.map(([name, text]) => {
    const key = `  ${stringify(name).trim()}:`;
    return text === "" ? `${key} {}\n` : `${key}\n${indented(text, 4)}`;
  });
  return `${organization}projects:\n${sections.join("")}`;
}

/** A text that is one document. */
export const ownText = (text: string): string =>
  trimmed(text.replaceAll("\r\n", "\n").split("\n"), 0);

/** The text of a document that nobody wrote as text. */
export function plainText(value: object): string {
  return Object.keys(value).length === 0 ? "" : stringify(value, { lineWidth: 100 });
}

export function hasContent(text: string): boolean {
  return text.split("\n").some((line) => !/^\s*(#|$)/.test(line));
}

/** Whether a text says the same as a value. */
export function holds(text: string, value: object): boolean {
  if (!hasContent(text)) return Object.keys(value).length === 0;
  try {
    const document = parseDocument(text, { uniqueKeys: false });
    const own: unknown = document.errors.length > 0 ? undefined : document.toJS();
    return canonicalJson(own) === canonicalJson(value);
  } catch {
    return false;
  }
}

interface Cut {
  readonly organization: string;
  readonly projects: ReadonlyMap<string, string>;
}

/** Null: it is not written in lines of keys. */
function cutFile(text: string, document: Document): Cut | null {
  const root = document.contents;
  if (!isMap(root) || root.flow) return null;
  const lines = text.split("\n");
  const starts = keyLines(text, root);
  if (starts === null) return null;
  const sections = sectionsOf(lines, starts, 0, lines.length);
  const at = root.items.findIndex(({ key }) => isScalar(key) && key.value === "projects");
  const section = sections[at];
  const line = starts[at]?.line;
  if (!section || line === undefined) {
    return { organization: trimmed(lines, starts[0]?.column ?? 0), projects: new Map() };
  }
  const above = lines.slice(section.from, line);
  const projects = cutProjects(text, lines, root.items[at] as Pair, section.to);
  const inner = root.items[at]?.value;
  const [start] = projects && isMap(inner) ? (keyLines(text, inner) ?? []) : [];
  const below = start ? lines.slice(endOfProjects(lines, start, section.to), section.to) : [];
  const rest = [...lines.slice(0, section.from), ...above, ...below, ...lines.slice(section.to)];
  const isAlone = root.items.length === 1;
  const [first] = projects?.keys() ?? [];
  if (projects && isAlone && first !== undefined) {
    // Nobody else keeps the comments at the head of the file.
    projects.set(first, trimmed([...rest, ...(projects.get(first) ?? "").split("\n")], 0));
  }
  return { organization: trimmed(rest, starts[0]?.column ?? 0), projects: projects ?? new Map() };
}

function cutProjects(
  text: string,
  lines: readonly string[],
  pair: Pair,
  to: number,
): Map<string, string> | null {
  const map = pair.value;
  if (!isMap(map) || map.flow) return null;
  const starts = keyLines(text, map);
  if (starts === null) return null;
  const reach = keyLineOf(text, pair) + 1;
  const sections = sectionsOf(lines, starts, reach, endOfProjects(lines, starts[0], to));
  return new Map(
    map.items.map(({ key, value }, index) => {
      const start = starts[index] as Start;
      const { from, to: end } = sections[index] as Section;
      const above = trimmed(lines.slice(from, start.line), start.column);
      const behindKey = text.slice(start.end, lineEnd(text, start.end)).replace(/^\s*:\s*/, "");
      // Braces, or nothing but a comment, behind the key.
      const isInline = isCollection(value) && value.flow;
      const first = isInline || behindKey.startsWith("#") ? [behindKey] : [];
      const body = [...first, ...lines.slice(start.line + 1, end)];
      const depth = indentOf(lines.slice(start.line + 1, end));
      const own = body.map((line, n) => (n < first.length ? line : dedented(line, depth)));
      return [String((key as { value: unknown }).value), trimmed([above.trimEnd(), ...own], 0)];
    }),
  );
}

interface Start {
  readonly line: number;
  readonly column: number;
  /** Offset behind the key. */
  readonly end: number;
}

/** Comments after the last project that stand further left than its name are about something else. */
function endOfProjects(lines: readonly string[], start: Start | undefined, to: number): number {
  let end = to;
  while (start && end > start.line + 1 && isLeftOf(lines[end - 1] ?? "", start.column)) end -= 1;
  return end;
}

const isLeftOf = (line: string, column: number): boolean =>
  /^\s*(#|$)/.test(line) && line.search(/\S|$/) < column;

function keyLines(text: string, map: YAMLMap): Start[] | null {
  const counter = new LineCounter();
  counter.addNewLine(0);
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    counter.addNewLine(at + 1);
  }
  const starts = map.items.map(({ key }) => {
    const range = isScalar(key) ? key.range : null;
    if (!range) return null;
    const { line, col } = counter.linePos(range[0]);
    return { line: line - 1, column: col - 1, end: range[1] };
  });
  return starts.every((start) => start !== null) ? starts : null;
}

const keyLineOf = (text: string, { key }: Pair): number =>
  text.slice(0, (key as Node).range?.[0] ?? 0).split("\n").length - 1;

const lineEnd = (text: string, from: number): number => {
  const end = text.indexOf("\n", from);
  return end < 0 ? text.length : end;
};

interface Section {
  readonly from: number;
  readonly to: number;
}

/** Comments and empty lines directly above a key, no deeper than it, go with it. */
function sectionsOf(
  lines: readonly string[],
  starts: readonly Start[],
  from: number,
  to: number,
): Section[] {
  const begins = starts.map(({ line, column }, index) => {
    const floor = index === 0 ? from : (starts[index - 1]?.line ?? 0) + 1;
    let begin = line;
    while (begin > floor && belongsBelow(lines[begin - 1] ?? "", column)) begin -= 1;
    return begin;
  });
  return begins.map((begin, index) => ({ from: begin, to: begins[index + 1] ?? to }));
}

const belongsBelow = (line: string, column: number): boolean => {
  const content = line.trimStart();
  if (content === "") return true;
  return content.startsWith("#") && line.length - content.length <= column;
};

function indentOf(lines: readonly string[]): number {
  const written = lines.filter((line) => line.trim() !== "");
  const content = written.filter((line) => !line.trimStart().startsWith("#"));
  const depths = (content.length > 0 ? content : written).map((line) => line.search(/\S/));
  return depths.length === 0 ? 0 : Math.min(...depths);
}

const dedented = (line: string, depth: number): string =>
  line.slice(Math.min(depth, line.length - line.trimStart().length));

function indented(text: string, depth: number): string {
  return text.replaceAll(/^(?=.)/gm, " ".repeat(depth));
}

/** Without the marks of a file and empty lines around, from the left edge, ended by a newline. */
function trimmed(lines: readonly string[], depth: number): string {
  const text = lines
    .map((line) => dedented(line, depth))
    .filter((line) => !/^(---|\.\.\.)\s*$/.test(line))
    .join("\n")
    .replace(HEADER, "")
    .replace(/^(\s*\n)+/, "")
    .trimEnd();
  return text === "" || text === "{}" ? "" : `${text}\n`;
}

function withoutProjects(root: unknown): unknown {
  if (!isMap(root)) return null;
  const own = root.clone() as YAMLMap;
  own.delete("projects");
  return own;
}

/** Comments are kept, layout is the writer's; braces of a whole document are not (JSON). */
function rewritten(node: unknown, source: Document): string | undefined {
  if (!isCollection(node) || node.flow) return undefined;
  try {
    const own = new Document(null);
    own.contents = node.clone() as never;
    visit(own, {
      Alias: (_, alias) => aliasedIn(source, alias),
      Node: (_, each) => {
        if (!isAlias(each)) each.anchor = undefined;
      },
    });
    return own.toString({ lineWidth: 0, flowCollectionPadding: false });
  } catch {
    return undefined;
  }
}

function aliasedIn(source: Document, alias: Alias): Node | undefined {
  const target = new Alias(alias.source).resolve(source);
  return target?.clone() as Node | undefined;
}
