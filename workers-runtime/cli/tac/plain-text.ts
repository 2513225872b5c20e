/** Texts between Python's quotes, read and written. */

const SIMPLE = new Map<string, string>(
  Object.entries({
    ...{ "\n": "", "\\": "\\", "'": "'", '"': '"', a: "\x07", b: "\b" },
    ...{ f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" },
  }),
);

/** What stands between the quotes; null where it needs more than is known here (`\N{…}`). */
export function plainText(inner: string): string | null {
  let isKnown = true;
  const text = inner.replace(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g,
    (whole, hex, short, long, octal, other: string | undefined) => {
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      const code = Number.parseInt(hex ?? short ?? long ?? "", 16);
      if (code <= 0x10ffff) return String.fromCodePoint(code);
      if (other === undefined || other === "N") isKnown = false;
      return SIMPLE.get(other ?? "") ?? whole;
    },
  );
  return isKnown ? text : null;
}

/** A text as Python and every reader of JSON write it. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}
