/**
 * The words that dialect `pb` sends as one number (protocol §2.1).
 *
 * The substitution is blind: any string equal to a word is sent as its number, user data included,
 * so both directions live below the meaning of a message.
 */
import { asciiBytes } from "../../text";

const WORDS = [
  "None",
  "class",
  "dereference",
  "reference",
  "dictionary",
  "function",
  "instance",
  "list",
  "module",
  "persistent",
  "tuple",
  "unpersistable",
  "copy",
  "cache",
  "cached",
  "remote",
  "local",
  "lcache",
  "version",
  "login",
  "password",
  "challenge",
  "logged_in",
  "not_logged_in",
  "cachemessage",
  "message",
  "answer",
  "error",
  "decref",
  "decache",
  "uncache",
] as const;

/** Word bytes by number; the arrays are shared, never write to them. Number 0 is unused. */
const bytesByNumber: readonly (Uint8Array | undefined)[] = [
  undefined,
  ...WORDS.map((word) => asciiBytes(word)),
];

const numberByWord: ReadonlyMap<string, number> = new Map(
  WORDS.map((word, index) => [word, index + 1]),
);

/** Numbers of the words of one length, so that a byte string is compared with few candidates. */
const numbersByLength: number[][] = [];
WORDS.forEach((word, index) => {
  const numbers = numbersByLength[word.length] ?? [];
  numbers.push(index + 1);
  numbersByLength[word.length] = numbers;
});

/** The bytes of word `number`, or undefined when there is no such word. */
export function wordBytes(number: number): Uint8Array | undefined {
  return bytesByNumber[number];
}

/** The number of a word given as text, or undefined. */
export function wordNumber(word: string): number | undefined {
  return numberByWord.get(word);
}

/** The number of a word given as bytes, or undefined. */
export function wordNumberOfBytes(bytes: Uint8Array): number | undefined {
  const candidates = numbersByLength[bytes.length];
  if (candidates === undefined) return undefined;
  for (const number of candidates) {
    const word = bytesByNumber[number];
    if (word?.every((byte, index) => byte === bytes[index])) return number;
  }
  return undefined;
}
