/**
 * Text as the wires carry it, and small conversions between bytes and JavaScript strings. Free of Node,
 * so that any runtime may use them.
 */

const decoder = new TextDecoder("utf-8");
const encoder = new TextEncoder();

/** Text that stays bytes until somebody asks for a string. They may be a view, and bad UTF-8. */
export class Text {
  constructor(readonly bytes: Uint8Array) {}

  static of(text: string): Text {
    return new Text(encodeUtf8(text));
  }

  /** As a string; invalid UTF-8 becomes U+FFFD. */
  toString(): string {
    return decodeUtf8(this.bytes);
  }
}

/** Bytes as a string; invalid UTF-8 becomes U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string {
  // A text decoder call costs more than a short ASCII loop, and nearly every name is short.
  if (bytes.length > 32) return decodeKeepingMark(bytes);
  let text = "";
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] as number;
    if (byte >= 0x80) return decodeKeepingMark(bytes);
    text += String.fromCharCode(byte);
  }
  return text;
}

/** A leading byte order mark is data here, so it is put back after the decoder ate it. */
function decodeKeepingMark(bytes: Uint8Array): string {
  const text = decoder.decode(bytes);
  const marked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return marked ? `\ufeff${text}` : text;
}

/** A string as UTF-8; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Writes `text` into `target` and returns the number of bytes; `target` must hold three a unit. */
export function encodeUtf8Into(text: string, target: Uint8Array): number {
  return encoder.encodeInto(text, target).written;
}

/** Bytes of a string known to be ASCII. */
export function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Whether `bytes` spell the ASCII string `text`. */
export function spells(bytes: Uint8Array, text: string): boolean {
  if (bytes.length !== text.length) return false;
  for (let index = 0; index < text.length; index++) {
    if (bytes[index] !== text.charCodeAt(index)) return false;
  }
  return true;
}
