/**
 * Output on the wire (protocol §3.4): the value of `stdout`, `stderr` and `header`, and of `log` behind
 * the log's name.
 */
import { asBytes, asItems, Float, type Text, type Value } from "./value";

/**
 * @param text whole lines
 * @param newlines the place of every newline in `text`, counted in code points
 * @param times for each line, seconds since the epoch when its first character was seen
 */
export function writeLines(
  text: string | Text,
  newlines: readonly number[],
  times: readonly number[],
): Value {
  return [text, newlines, times.map((time) => new Float(time))];
}

/** The text alone, as bytes that may alias the frame; null when there is none. */
export function readLines(value: Value | undefined): Uint8Array | null {
  return asBytes(asItems(value)?.[0] ?? value);
}
