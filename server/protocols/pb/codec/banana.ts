/**
 * Banana, the encoding under Perspective Broker (protocol §2.1): its values, limits and errors.
 *
 * An element is `<digits><type byte>[payload]`. There is no text, null or map at this level; those
 * are jelly forms.
 */

/** A float is kept apart from an integer of the same value, so that both encode as they came. */
export class BananaFloat {
  constructor(readonly value: number) {}
}

/**
 * What a decoder yields and a writer takes. Integers are numbers while they are safe, else bigint.
 * Byte strings are views that may alias the chunk they came in.
 */
export type Banana = number | bigint | BananaFloat | Uint8Array | Banana[];

export const BananaType = {
  list: 0x80,
  int: 0x81,
  string: 0x82,
  negative: 0x83,
  float: 0x84,
  longInt: 0x85,
  longNegative: 0x86,
  word: 0x87,
} as const;

/** The limits that every real peer enforces: exceeding one makes it drop the connection. */
export const PEER_MAX_STRING_BYTES = 655_360;
export const PEER_MAX_LIST_ELEMENTS = 655_360;
export const PEER_MAX_DIGITS = 64;

export interface BananaLimits {
  readonly digits: number;
  readonly stringBytes: number;
  readonly listElements: number;
  /** Lists within lists. */
  readonly depth: number;
  /** Bytes of one top-level element, payloads and digits alike. */
  readonly messageBytes: number;
  /** Elements of one top-level element, all lists together. */
  readonly messageElements: number;
}

/**
 * For a peer that has proven who it is. Strings and lists as real peers allow them; a message as
 * large as a listing of some hundred thousand files needs.
 */
export const TRUSTED_LIMITS: BananaLimits = {
  digits: PEER_MAX_DIGITS,
  stringBytes: PEER_MAX_STRING_BYTES,
  listElements: PEER_MAX_LIST_ELEMENTS,
  depth: 64,
  messageBytes: 16 * 1024 * 1024,
  messageElements: 1_000_000,
};

/** For a peer that has not: room for a login, no more. */
export const STRANGER_LIMITS: BananaLimits = {
  digits: PEER_MAX_DIGITS,
  stringBytes: 8 * 1024,
  listElements: 64,
  depth: 8,
  messageBytes: 16 * 1024,
  messageElements: 256,
};

/** The bytes are no banana, or exceed a limit. The stream cannot be read any further. */
export class BananaError extends Error {
  override readonly name = "BananaError";
}
