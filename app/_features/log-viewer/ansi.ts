// biome-ignore-all lint/suspicious/noControlCharactersInRegex: escapes are what this file reads
/**
 * What a line looks like: its text in pieces of one appearance (ECMA-48 SGR, OSC 8 links).
 *
 * Each line begins plain: a link to a line shows the same whatever came before it. Escapes that
 * would move the cursor have become new lines before storage; what is left of them is dropped.
 * Other control characters are shown by their Unicode pictures.
 */
import {
  paletteColour,
  type Rgb,
  type Themed,
  themedBackground,
  themedDefaultText,
  themedText,
} from "./colour";

export interface Span {
  readonly text: string;
  readonly color?: Themed;
  readonly background?: Themed;
  /** Colours of the page, exchanged. */
  readonly isInverse?: true;
  readonly isBold?: true;
  readonly isDim?: true;
  readonly isItalic?: true;
  readonly isUnderlined?: true;
  readonly isStruck?: true;
  /** http, https or mailto only. */
  readonly href?: string;
}

/** A line of more pieces than this is some program's mishap: the rest is shown plain. */
const MAX_SPANS = 2000;

const CSI = /\x1b\[([0-9;:<=>?]*)[ -/]*([@-~])/y;
const OSC = /\x1b\]([^\x07\x1b]*)(?:\x07|\x1b\\|$)/y;
/** Character sets and other short escapes; at the end of a line also half of one. */
const SHORT = /\x1b(?:\[[0-9;:<=>?]*[ -/]*|[ -/]+[0-~]?|[0-Z\\^-~]|)/y;
const ESCAPES = new RegExp([CSI, OSC, SHORT].map((one) => one.source).join("|"), "g");
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/g;

interface Pen {
  color: Rgb | null;
  background: Rgb | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
  strike: boolean;
  hidden: boolean;
  href: string | null;
}

const plainPen = (href: string | null): Pen => ({
  color: null,
  background: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  strike: false,
  hidden: false,
  href,
});

export function parseAnsi(line: string): Span[] {
  if (!line.includes("\x1b")) return line === "" ? [] : [{ text: visible(line) }];
  const spans: Span[] = [];
  let pen = plainPen(null);
  let at = 0;
  while (at < line.length) {
    if (spans.length >= MAX_SPANS) {
      spans.push({ text: stripAnsi(line.slice(at)) });
      break;
    }
    const start = line.indexOf("\x1b", at);
    const end = start < 0 ? line.length : start;
    if (end > at) spans.push(dressed(visible(line.slice(at, end)), pen));
    if (start < 0) break;
    const csi = matchAt(CSI, line, start);
    const osc = csi ? null : matchAt(OSC, line, start);
    if (csi) {
      if (csi[2] === "m" && !/[<=>?]/.test(csi[1] ?? "")) pen = withGraphics(pen, csi[1] ?? "");
    } else if (osc) {
      const link = /^8;[^;]*;(.*)$/s.exec(osc[1] ?? "");
      if (link) pen = { ...pen, href: safeHref(link[1] ?? "") };
    }
    const length = (csi ?? osc ?? matchAt(SHORT, line, start))?.[0].length ?? 1;
    at = start + Math.max(1, length);
  }
  return spans;
}

/** The text alone, for copying and for reading aloud. */
export function stripAnsi(line: string): string {
  if (!line.includes("\x1b")) return line;
  return line.replace(ESCAPES, "");
}

/** Null for a scheme that could do something: only http, https and mailto are followed. */
export function safeHref(uri: string): string | null {
  if (!URL.canParse(uri)) return null;
  const { protocol, href } = new URL(uri);
  return ["http:", "https:", "mailto:"].includes(protocol) ? href : null;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function visible(text: string): string {
  return text.replace(CONTROL, (character) => {
    const code = character.charCodeAt(0);
    return String.fromCharCode(code === 0x7f ? 0x2421 : 0x2400 + code);
  });
}

function withGraphics(before: Pen, text: string): Pen {
  let pen = { ...before };
  // A colour's parts may be parted by colons (ISO 8613-6) or, as most do it, by semicolons.
  const groups = text.split(";").map((group) => group.split(":"));
  for (let n = 0; n < groups.length; n += 1) {
    const group = groups[n] ?? [];
    const code = Number(group[0] || 0);
    if (code === 38 || code === 48) {
      const [colour, used] = group.length > 1 ? [inGroup(group), 0] : following(groups, n);
      n += used;
      if (colour) pen[code === 38 ? "color" : "background"] = colour;
    } else if (code === 0) pen = plainPen(pen.href);
    else if (code === 4) pen.underline = group[1] !== "0";
    else apply(pen, code);
  }
  return pen;
}

function apply(pen: Pen, code: number): void {
  if (code === 1) pen.bold = true;
  else if (code === 2) pen.dim = true;
  else if (code === 3) pen.italic = true;
  else if (code === 7) pen.inverse = true;
  else if (code === 8) pen.hidden = true;
  else if (code === 9) pen.strike = true;
  else if (code === 21) pen.underline = true;
  else if (code === 22) {
    pen.bold = false;
    pen.dim = false;
  } else if (code === 23) pen.italic = false;
  else if (code === 24) pen.underline = false;
  else if (code === 27) pen.inverse = false;
  else if (code === 28) pen.hidden = false;
  else if (code === 29) pen.strike = false;
  else if (code >= 30 && code <= 37) pen.color = paletteColour(code - 30);
  else if (code === 39) pen.color = null;
  else if (code >= 40 && code <= 47) pen.background = paletteColour(code - 40);
  else if (code === 49) pen.background = null;
  else if (code >= 90 && code <= 97) pen.color = paletteColour(code - 82);
  else if (code >= 100 && code <= 107) pen.background = paletteColour(code - 92);
}

/** `38;5;n` and `38;2;r;g;b`: the colour, and how many groups it took besides the first. */
function following(groups: readonly string[][], at: number): [Rgb | null, number] {
  const number = (offset: number) => Number(groups[at + offset]?.[0] || 0);
  if (number(1) === 5) return [inPalette(number(2)), 2];
  if (number(1) === 2) return [rgb(number(2), number(3), number(4)), 4];
  return [null, 1];
}

/** `38:5:n`, `38:2:r:g:b` and `38:2:space:r:g:b`. */
function inGroup(group: readonly string[]): Rgb | null {
  const number = (n: number) => Number(group[n] || 0);
  if (number(1) === 5) return inPalette(number(2));
  if (number(1) !== 2) return null;
  const from = group.length >= 6 ? 3 : 2;
  return rgb(number(from), number(from + 1), number(from + 2));
}

function inPalette(index: number): Rgb | null {
  return Number.isInteger(index) && index >= 0 && index <= 255 ? paletteColour(index) : null;
}

function rgb(...parts: [number, number, number]): Rgb | null {
  return parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255) ? parts : null;
}

function dressed(text: string, pen: Pen): Span {
  const isSwapped = pen.inverse;
  const color = isSwapped ? pen.background : pen.color;
  const background = isSwapped ? pen.color : pen.background;
  // Named by neither: the page's own colours change places.
  const isInverse = isSwapped && !background;
  return {
    text: pen.hidden ? " ".repeat(text.length) : text,
    ...(isInverse ? { isInverse } : {}),
    ...(background
      ? {
          background: themedBackground(background),
          color: color
            ? themedText(color, background, pen.dim ? 7 : 4.5)
            : themedDefaultText(background),
        }
      : color && !isInverse
        ? { color: themedText(color, null, pen.dim ? 7 : 4.5) }
        : {}),
    ...(pen.bold ? { isBold: true } : {}),
    ...(pen.dim ? { isDim: true } : {}),
    ...(pen.italic ? { isItalic: true } : {}),
    ...(pen.underline ? { isUnderlined: true } : {}),
    ...(pen.strike ? { isStruck: true } : {}),
    ...(pen.href ? { href: pen.href } : {}),
  };
}
