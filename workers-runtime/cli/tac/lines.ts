/**
 * The text of a `buildbot.tac` as logical lines of tokens. It is Python, but nothing of it is run: what
 * is no name, number or plain text is a token that no value can be made of.
 */
import { UsageError } from "../usage";
import { plainText } from "./plain-text";

export type Token =
  | { readonly kind: "name" | "op" | "other"; readonly text: string }
  | { readonly kind: "number" | "text"; readonly text: string; readonly value: number | string };

export interface Line {
  readonly number: number;
  readonly indent: number;
  readonly tokens: readonly Token[];
}

const NAME = /[\p{L}_][\p{L}\p{N}_]*/uy;
const NUMBER = /(?:0[xX][\da-fA-F]+|0[oO]?[0-7]+(?![\d.])|\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)/y;
const TEXT = /([rRuUbBfF]{0,2})("""|'''|"|')/y;
const MOST_BYTES = 256 * 1024;

/** Throws `UsageError` for what is no Python at all: a bracket or a text that never ends. */
export function readLines(source: string): Line[] {
  if (source.length > MOST_BYTES) throw new UsageError("too long for the settings of a worker");
  return new Reader(source.replaceAll("\r\n", "\n")).lines();
}

class Reader {
  readonly #source: string;
  #at = 0;
  #number = 1;

  constructor(source: string) {
    this.#source = source;
  }

  lines(): Line[] {
    const lines: Line[] = [];
    while (this.#at < this.#source.length) {
      const indent = (this.#match(/[ \t\f]*/y)?.[0] ?? "").length;
      const number = this.#number;
      const tokens = this.#tokens();
      if (tokens.length > 0) lines.push({ number, indent, tokens });
    }
    return lines;
  }

  /** Up to the end of the logical line. */
  #tokens(): Token[] {
    const tokens: Token[] = [];
    for (let depth = 0; this.#at < this.#source.length; ) {
      if (this.#match(/[ \t\f]+|\\\n|#[^\n]*/y)) continue;
      if (this.#match(/\n/y)) {
        if (depth === 0) return tokens;
        continue;
      }
      const token = this.#token();
      if (token.kind === "op" && "([{".includes(token.text)) depth++;
      if (token.kind === "op" && ")]}".includes(token.text)) depth--;
      if (token.kind === "op" && token.text === ";" && depth === 0) return tokens;
      tokens.push(token);
      if (this.#at >= this.#source.length && depth > 0) this.#wrong("a bracket is not closed");
    }
    return tokens;
  }

  #token(): Token {
    const opened = this.#match(TEXT);
    if (opened) return this.#text(opened[1] ?? "", opened[2] ?? "");
    const name = this.#match(NAME);
    if (name) return { kind: "name", text: name[0] };
    const number = this.#match(NUMBER);
    if (number) return { kind: "number", text: number[0], value: numberOf(number[0]) };
    const op = this.#match(/==|\*\*|[\s\S]/y);
    return { kind: "op", text: op?.[0] ?? "" };
  }

  #text(prefix: string, quote: string): Token {
    const start = this.#at;
    for (;;) {
      const character = this.#source[this.#at];
      const isLineEnd = character === "\n" && quote.length === 1;
      if (character === undefined || isLineEnd) this.#wrong("a text is not closed");
      if (this.#source.startsWith(quote, this.#at)) break;
      if (character === "\n") this.#number++;
      this.#at += character === "\\" ? 2 : 1;
    }
    const inner = this.#source.slice(start, this.#at);
    this.#at += quote.length;
    if (/f/i.test(prefix)) return { kind: "other", text: inner };
    const value = /r/i.test(prefix) ? inner : plainText(inner);
    return value === null ? { kind: "other", text: inner } : { kind: "text", text: inner, value };
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match === null || match[0] === "" || match.index !== this.#at) return null;
    this.#at += match[0].length;
    this.#number += match[0].split("\n").length - 1;
    return match;
  }

  #wrong(what: string): never {
    throw new UsageError(`line ${this.#number}: ${what}`);
  }
}

function numberOf(text: string): number {
  const octal = /^0[oO]?([0-7]+)$/.exec(text);
  return octal ? Number.parseInt(octal[1] ?? "", 8) : Number(text);
}
