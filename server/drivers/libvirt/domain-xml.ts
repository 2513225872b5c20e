/**
 * The definition of a domain as somebody wrote it, made into that of one machine: with its values in
 * place of the placeholders, under our name and UUID, with our metadata. What was written is read as
 * far as that takes, by a scanner that knows well-formed elements and nothing of what they mean.
 */
import { DriverError } from "../contract";
import { PLACEHOLDER } from "./schema";

export function escapeXml(text: string): string {
  return text.replace(/[^\p{L}\p{N} ._:/@+-]/gu, (char) => `&#${char.codePointAt(0)};`);
}

/** Values are text, wherever they stand: nothing in them is an element, a quote or a placeholder. */
export function fillIn(xml: string, values: Readonly<Record<string, string>>): string {
  return xml.replace(PLACEHOLDER, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : escapeXml(value);
  });
}

export interface Identity {
  readonly name: string;
  readonly uuid: string;
  /** Elements with namespaces of their own. */
  readonly metadata: readonly string[];
}

/** @throws DriverError when it is no domain, or has metadata in a namespace of ours */
export function withIdentity(xml: string, { name, uuid, metadata }: Identity): string {
  const { root, children } = scan(xml);
  const ours = `\n  <name>${escapeXml(name)}</name>\n  <uuid>${uuid}</uuid>`;
  const held = children.find((child) => child.name === "metadata");
  const added = metadata.map((each) => `\n    ${each}`).join("");
  const edits: Edit[] = [
    { from: root.inner, to: root.inner, text: ours },
    ...children
      .filter((child) => child.name === "name" || child.name === "uuid")
      .map(({ from, to }) => ({ from, to, text: "" })),
  ];
  if (!held) {
    edits.push({ from: root.inner, to: root.inner, text: `\n  <metadata>${added}\n  </metadata>` });
  } else if (held.isEmpty) {
    edits.push({ from: held.from, to: held.to, text: `<metadata>${added}\n  </metadata>` });
  } else {
    edits.push({ from: held.inner, to: held.inner, text: added });
  }
  return (
    edits
      // From behind; where one is put in and another taken out, it is taken out first.
      .sort((a, b) => b.from - a.from || b.to - a.to)
      .reduce((text, { from, to, text: put }) => text.slice(0, from) + put + text.slice(to), xml)
  );
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

interface Element {
  readonly name: string;
  readonly from: number;
  to: number;
  /** Where its content begins. */
  readonly inner: number;
  readonly isEmpty: boolean;
}

const TOKEN =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<\/([^\s<>/]+)\s*>|<([^\s<>/!?]+)((?:\s+[^\s=<>"'/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|[^<]+/gy;

/** The outermost element, and those right in it. */
function scan(xml: string): { root: Element; children: Element[] } {
  const open: Element[] = [];
  const children: Element[] = [];
  let root: Element | null = null;
  TOKEN.lastIndex = 0;
  for (let at = 0; at < xml.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(xml);
    if (!token) throw problem(`is not XML from ${JSON.stringify(xml.slice(at, at + 20))} on`);
    const [text, closed, opened, , slash] = token;
    if (opened) {
      const isEmpty = slash === "/";
      const element = { name: opened, from: at, to: TOKEN.lastIndex, inner: TOKEN.lastIndex };
      const made: Element = { ...element, isEmpty };
      if (open.length === 0) {
        if (root) throw problem("has more than one outermost element");
        root = made;
      }
      if (open.length === 1) children.push(made);
      if (!isEmpty) open.push(made);
    } else if (closed) {
      const last = open.pop();
      if (last?.name !== closed) throw problem(`closes <${closed}>, which is not open there`);
      last.to = TOKEN.lastIndex;
    } else if (open.length === 0 && !text.startsWith("<") && text.trim() !== "") {
      throw problem("has text outside of its elements");
    }
  }
  const [unclosed] = open;
  if (unclosed) throw problem(`does not close <${unclosed.name}>`);
  if (root?.name !== "domain" || root.isEmpty) throw problem("is not a <domain>");
  return { root, children };
}

const problem = (what: string) => new DriverError("bad-configuration", `xml ${what}`);
