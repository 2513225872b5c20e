/** Command lines as people read them. */
import type { Argument } from "../../server/domain/wire";

const PLAIN = /^[\w@%+=:,./-]+$/;

/** One word for a POSIX shell. */
export function shellQuote(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export function shellLine(words: readonly string[]): string {
  return words.map(shellQuote).join(" ");
}

export const shown = (argument: Argument): string =>
  typeof argument === "string" ? argument : argument.shown;

export const real = (argument: Argument): string =>
  typeof argument === "string" ? argument : argument.real;

/** An argv as Python prints a list of byte strings, which is what log readers know. */
export function pythonList(words: readonly string[]): string {
  return `[${words.map(pythonBytes).join(", ")}]`;
}

function pythonBytes(word: string): string {
  let text = "";
  for (const byte of Buffer.from(word, "utf8")) {
    const character = String.fromCharCode(byte);
    if (character === "\\") text += "\\\\";
    else if (byte === 0x0a) text += "\\n";
    else if (byte === 0x0d) text += "\\r";
    else if (byte === 0x09) text += "\\t";
    else if (byte < 0x20 || byte > 0x7e) text += `\\x${byte.toString(16).padStart(2, "0")}`;
    else text += character;
  }
  if (!text.includes("'")) return `b'${text}'`;
  return text.includes('"') ? `b'${text.replaceAll("'", "\\'")}'` : `b"${text}"`;
}
