/** Lines as they are stored: valid UTF-8, nothing hidden in them, none too long. */
import { isUtf8 } from "node:buffer";
import type { Redactor } from "../redact/redactor";
import { MAX_LINE_BYTES } from "./limits";
import { byteLength, type LineBlock, lineStart } from "./line-block";

const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/**
 * The same block when nothing has to change, which costs one look at its bytes.
 * @param prefixLength 1 when each line begins with the character of its stream, else 0
 */
export function cleanLines(
  block: LineBlock,
  prefixLength: 0 | 1,
  redactor: Redactor | null,
): LineBlock {
  const bytes = block.bytes.subarray(0, byteLength(block));
  const isValid = isUtf8(bytes);
  if (isValid && !redactor?.mayMatch(bytes)) return block;
  const parts: Buffer[] = [];
  const ends: number[] = [];
  let length = 0;
  const add = (part: Buffer) => {
    parts.push(part);
    length += part.length;
  };
  for (let index = 0; index < block.count; index += 1) {
    const line = bytes.subarray(lineStart(block, index), block.ends[index]);
    let text: Buffer = line.subarray(prefixLength, -1);
    if (!isValid && !isUtf8(text)) text = Buffer.from(decoder.decode(text));
    if (redactor) text = redactor.redact(text);
    do {
      const end = characterBefore(text, MAX_LINE_BYTES - 1 - prefixLength);
      if (prefixLength) add(line.subarray(0, 1));
      add(text.subarray(0, end));
      add(NEWLINE);
      ends.push(length);
      text = text.subarray(end);
    } while (text.length > 0);
  }
  return { bytes: Buffer.concat(parts, length), ends: Int32Array.from(ends), count: ends.length };
}

const NEWLINE = Buffer.from("\n");

/** The whole length, or the last beginning of a character at or before `limit`. */
function characterBefore(text: Buffer, limit: number): number {
  if (text.length <= limit) return text.length;
  let end = limit;
  while (end > limit - 4 && ((text[end] as number) & 0xc0) === 0x80) end -= 1;
  return end;
}
