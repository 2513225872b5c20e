/**
 * The text of a configuration file, YAML or JSON (which YAML contains), as values whose places in
 * the text are still known. Bounded: size, depth, and what aliases may unfold to.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
} from "yaml";
import { unstorable } from "../domain/text";
import { quote } from "./fields";
import { inPlainWords } from "./syntax";

export type Path = readonly (string | number)[];

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface ConfigError extends Place {
  /** `projects.demo.builders[0].name` */
  readonly path: string;
  readonly message: string;
}

export interface Source {
  readonly value: unknown;
  /** Some leave a value that can be looked at further; without one `value` is undefined. */
  readonly errors: readonly ConfigError[];
  /** As the YAML reader has it; null: there is no value. */
  readonly document: Document | null;
  /** Where the thing at this path stands; its key when asked for, or the nearest thing around it. */
  place(path: Path, of?: "key" | "value"): Place;
}

const MAX_CHARACTERS = 2_000_000;
const MAX_DEPTH = 60;

export function readSource(text: string): Source {
  const start = { line: 1, column: 1 };
  const fail = (message: string, place: Place = start): Source => ({
    value: undefined,
    errors: [{ path: "", ...place, message }],
    document: null,
    place: () => start,
  });
  if (text.length > MAX_CHARACTERS) {
    return fail(`the file is longer than ${MAX_CHARACTERS} characters`);
  }
  const lines = new LineCounter();
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  // Keys that stand twice are looked for below, where both places are known.
  const options = { lineCounter: lines, prettyErrors: false, uniqueKeys: false };
  let documents: ReturnType<typeof parseAllDocuments>;
  try {
    documents = parseAllDocuments(text, options);
  } catch {
    // The reader calls itself for each level.
    return fail(`nested deeper than ${MAX_DEPTH} levels`);
  }
  const [document, second] = Array.isArray(documents) ? documents : [];
  if (!document) return fail("the file is empty");
  if (document.errors.some(({ code }) => code === "RESOURCE_EXHAUSTION")) {
    return fail(`nested deeper than ${MAX_DEPTH} levels`);
  }
  const errors = [...document.errors, ...document.warnings].map((error) => ({
    path: "",
    ...at(error.pos[0]),
    message: inPlainWords(error, text),
  }));
  if (errors.length > 0) return { value: undefined, errors, document: null, place: () => start };
  if (second) return fail("the file holds several YAML documents", at(second.range?.[0] ?? 0));

  const root = document.contents as Node | null;
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 200 });
  } catch (error) {
    return fail(unfolded(error as Error));
  }
  const place: Source["place"] = (path, of = "value") => at(offsetOf(root, path, of));
  const unreadable = unusable(value).map(({ path, message }) => ({
    path: pathText(path),
    ...place(path, "key"),
    message,
  }));
  const twice = repeatedKeys(root).map(({ path, offset, first }) => ({
    path: pathText(path),
    ...at(offset),
    message: `${quote(String(path.at(-1)))} stands twice in this map, first in line ${at(first).line}`,
  }));
  return {
    value: unreadable.some(({ message }) => message.startsWith("nested")) ? undefined : value,
    errors: [...unreadable, ...twice],
    document: document as Document,
    place,
  };
}

function unfolded(error: Error): string {
  const unknown = /alias.*?: (\S+)$/i.exec(error.message)?.[1];
  return /count/i.test(error.message) || !unknown
    ? "its aliases unfold to too much"
    : `the alias ${quote(`*${unknown}`)} has no anchor before it`;
}

interface Repeated {
  readonly path: Path;
  readonly offset: number;
  readonly first: number;
}

function repeatedKeys(node: unknown, path: Path = []): Repeated[] {
  if (path.length > MAX_DEPTH) return [];
  if (isSeq(node)) return node.items.flatMap((item, index) => repeatedKeys(item, [...path, index]));
  if (!isMap(node)) return [];
  const seen = new Map<string, number>();
  return node.items.flatMap(({ key, value }) => {
    if (!isScalar(key)) return [];
    const name = String(key.value);
    const here = [...path, name];
    const offset = key.range?.[0] ?? 0;
    const first = seen.get(name);
    if (first === undefined) seen.set(name, offset);
    const again = first === undefined ? [] : [{ path: here, offset, first }];
    return [...again, ...repeatedKeys(value, here)];
  });
}

function offsetOf(root: Node | null, path: Path, of: "key" | "value"): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  path.forEach((step, index) => {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isScalar(item.key) && String(item.key.value) === String(step),
      );
      if (!pair) {
        node = null;
        return;
      }
      const key = pair.key as Node;
      const isLast = index === path.length - 1;
      node = pair.value;
      const value = node as Node | null;
      offset = (isLast && of === "key" ? key.range?.[0] : value?.range?.[0]) ?? offset;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = (node as Node | undefined)?.range?.[0] ?? offset;
    } else if (isAlias(node)) {
      node = null;
    }
  });
  return offset;
}

/** Values that the database or a program behind us could not hold. */
function unusable(root: unknown): { path: Path; message: string }[] {
  const found: { path: Path; message: string }[] = [];
  const visit = (value: unknown, path: Path): void => {
    if (path.length > MAX_DEPTH) {
      found.push({ path, message: `nested deeper than ${MAX_DEPTH} levels` });
    } else if (typeof value === "string") {
      const problem = unstorable(value);
      if (problem) found.push({ path, message: problem });
    } else if (typeof value === "number" && !Number.isFinite(value)) {
      found.push({ path, message: "must be a finite number" });
    } else if (Array.isArray(value)) {
      value.forEach((item, index) => {
        visit(item, [...path, index]);
      });
    } else if (typeof value === "object" && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        const problem = key === "__proto__" ? "is not a usable name" : unstorable(key);
        if (problem) found.push({ path: [...path, key], message: problem });
        visit(item, [...path, key]);
      }
    }
  };
  visit(root, []);
  return found;
}

export function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    const name = /^[\w-]+$/.test(step) ? step : JSON.stringify(step);
    return text === "" ? name : `${text}.${name}`;
  }, "");
}
