/**
 * The text of a configuration file, YAML or JSON (which YAML contains), as values whose places in
 * the text are still known. Bounded: size, depth, and what aliases may unfold to.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from "yaml";
import { unstorable } from "../domain/text";

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
  readonly errors: readonly ConfigError[];
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
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const [document, second] = Array.isArray(documents) ? documents : [];
  if (!document) return fail("the file is empty");
  const errors = document.errors.map((error) => ({
    path: "",
    ...at(error.pos[0]),
    message: error.message,
  }));
  if (errors.length > 0) return { value: undefined, errors, place: () => start };
  if (second) return fail("the file holds several YAML documents", at(second.range?.[0] ?? 0));

  const root = document.contents as Node | null;
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 200 });
  } catch (error) {
    return fail((error as Error).message);
  }
  const place: Source["place"] = (path, of = "value") => at(offsetOf(root, path, of));
  return {
    value,
    errors: unusable(value).map(({ path, message }) => ({
      path: pathText(path),
      ...place(path, "key"),
      message,
    })),
    place,
  };
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
