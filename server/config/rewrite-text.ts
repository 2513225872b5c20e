/**
 * Changes a program makes in a text that a person wrote: what it does not change stays as it is,
 * comments included. Pure.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  parseDocument,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import { canonicalJson } from "./compile";
import { record } from "./legible";
import type { Path } from "./source";
import { hasContent, holds, plainText } from "./split-text";

export interface Replacement {
  readonly path: Path;
  /** The text that stood there, which must not stay anywhere. */
  readonly literal: string;
  readonly value: string;
}

/** Puts other texts in the places of some; `document` is the value that must come out. */
export function replaceTexts(
  text: string,
  document: object,
  replacements: readonly Replacement[],
): string {
  if (replacements.length === 0) return text;
  const edited = edit(text, replacements);
  const result = edited !== null && holds(edited, document) ? edited : rewriteText(text, document);
  return withoutInComments(result, [...new Set(replacements.map(({ literal }) => literal))]);
}

function edit(text: string, replacements: readonly Replacement[]): string | null {
  const root = parseDocument(text).contents;
  const places = replacements.map(({ path, value }) => {
    const node = nodeAt(root, path);
    const [start, end] = (isScalar(node) || isAlias(node) ? node.range : null) ?? [];
    return start === undefined || end === undefined ? null : { start, end, value };
  });
  if (places.some((place) => place === null)) return null;
  return places
    .filter((place) => place !== null)
    .sort((a, b) => b.start - a.start)
    .reduce((sum, { start, end, value }) => {
      // A block of lines ends with the newline that ends its last line.
      const tail = sum.charAt(end - 1) === "\n" ? "\n" : "";
      return `${sum.slice(0, start)}${JSON.stringify(value)}${tail}${sum.slice(end)}`;
    }, text);
}

function nodeAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((node, step) => {
    if (isMap(node)) return node.get(step, true);
    return isSeq(node) ? node.items[Number(step)] : undefined;
  }, root);
}

/** Short ones are words that a comment may well use. */
const LEAST_LENGTH = 4;

const SCALAR = "\x1f";
const LEXER_MARKS = ["\x02", "\x18", SCALAR];

/** One walk for all of them: there may be as many as workers. */
function withoutInComments(text: string, literals: readonly string[]): string {
  const there = literals.filter(
    (literal) => literal.length >= LEAST_LENGTH && text.includes(literal),
  );
  if (there.length === 0) return text;
  let isScalarNext = false;
  let result = "";
  for (const token of new Lexer().lex(text)) {
    // Marks of the lexer's own: the next token is a scalar, whatever it looks like.
    if (LEXER_MARKS.includes(token)) {
      isScalarNext = token === SCALAR;
      continue;
    }
    const isComment = !isScalarNext && token.startsWith("#");
    result += isComment
      ? there.reduce((comment, literal) => comment.replaceAll(literal, "..."), token)
      : token;
    isScalarNext = false;
  }
  return result;
}

/** The text with as little changed as will make it say `value`. */
export function rewriteText(text: string, value: object): string {
  if (!hasContent(text)) return `${text}${plainText(value)}`;
  const document = parseDocument(text, { uniqueKeys: false });
  if (!isMap(document.contents) || document.contents.flow) return plainText(value);
  const style = styleOf(text);
  update(document, document.contents, value);
  const result = document.toString(style);
  return holds(result, value) ? result : plainText(value);
}

/** How the writer must be told to write so that what is not changed looks as before. */
function styleOf(text: string) {
  const styles = [true, false].flatMap((indentSeq) =>
    [false, true].map((flowCollectionPadding) => ({
      indentSeq,
      flowCollectionPadding,
      lineWidth: 0,
    })),
  );
  const lines = new Set(text.split("\n"));
  const strange = (style: (typeof styles)[number]) =>
    parseDocument(text)
      .toString(style)
      .split("\n")
      .filter((line) => !lines.has(line)).length;
  return styles
    .map((style) => ({ style, cost: strange(style) }))
    .reduce((best, one) => (one.cost < best.cost ? one : best)).style;
}

function update(document: Document, map: YAMLMap, value: object): void {
  for (const { key } of [...map.items]) {
    const name = String((key as Scalar).value);
    if (!Object.hasOwn(value, name)) map.delete(key);
  }
  for (const [key, item] of Object.entries(value)) {
    const node = map.get(key, true) as Node | undefined;
    if (node === undefined) map.set(key, document.createNode(item));
    else if (!isEqual(document, node, item)) map.set(key, updated(document, node, item));
  }
}

function updated(document: Document, node: Node, value: unknown): Node {
  if (isMap(node) && typeof value === "object" && value !== null && !Array.isArray(value)) {
    update(document, node, value);
    return node;
  }
  if (isSeq(node) && Array.isArray(value)) {
    node.items = value.map((item) => {
      const old = counterpart(document, node, item);
      return old === null ? document.createNode(item) : updated(document, old, item);
    });
    return node;
  }
  const made = document.createNode(value) as Node;
  const { comment, commentBefore, spaceBefore } = node;
  return Object.assign(made, { comment, commentBefore, spaceBefore });
}

/** The item that was this one before: the same name, or the same in all. */
function counterpart(document: Document, list: YAMLSeq, value: unknown): Node | null {
  const { name } = record(value);
  const found = list.items.find((item) =>
    typeof name === "string" && isMap(item)
      ? item.get("name") === name
      : isEqual(document, item as Node, value),
  );
  return (found as Node | undefined) ?? null;
}

function isEqual(document: Document, node: Node, value: unknown): boolean {
  return canonicalJson(node.toJS(document)) === canonicalJson(value);
}
