/**
 * Broker messages (protocol §2.4): the topmost lists that each side sends, once dialect `pb` is agreed.
 */

import { decodeUtf8, spells } from "../../text";
import type { Banana } from "./banana";
import type { BananaWriter } from "./banana-writer";
import type { Failure } from "./failure";
import { failureToJelly, readFailure } from "./failure";
import type { Jelly } from "./jelly";
import { asItems, Dictionary } from "./jelly";
import type { JellyLimits } from "./jelly-reader";
import { readJelly } from "./jelly-reader";
import { writeJelly } from "./jelly-writer";

export const BROKER_VERSION = 6;
/** The object that answers before a login. */
export const ROOT = "root";

export interface Call {
  readonly kind: "message";
  /** Chosen by the caller, counting from 1 for each side. */
  readonly request: number;
  /** The receiver's number of the object, or `root`. */
  readonly object: number | typeof ROOT;
  readonly method: string;
  readonly answerRequired: boolean;
  readonly args: readonly Jelly[];
  readonly kwargs: Dictionary;
}

export type BrokerMessage =
  | { readonly kind: "version"; readonly version: number }
  | Call
  | { readonly kind: "answer"; readonly request: number; readonly value: Jelly }
  | { readonly kind: "error"; readonly request: number; readonly failure: Failure }
  | { readonly kind: "decref"; readonly object: number };

/** A message that is none, or in the wrong place. */
export class BrokerError extends Error {
  override readonly name = "BrokerError";
}

const MAX_METHOD_BYTES = 256;

/** Reads one top-level element. Throws `BrokerError` or `JellyError`. */
export function readBrokerMessage(element: Banana, limits?: JellyLimits): BrokerMessage {
  if (!Array.isArray(element)) throw new BrokerError("a message is not a list");
  const word = element[0];
  if (!(word instanceof Uint8Array)) throw new BrokerError("a message does not start with a word");
  if (spells(word, "message")) return readCall(element, limits);
  if (spells(word, "answer") && element.length === 3) {
    return {
      kind: "answer",
      request: whole(element[1]),
      value: readJelly(element[2] as Banana, limits),
    };
  }
  if (spells(word, "error") && element.length === 3) {
    return {
      kind: "error",
      request: whole(element[1]),
      failure: readFailure(readJelly(element[2] as Banana, limits)),
    };
  }
  if (spells(word, "decref") && element.length === 2) {
    return { kind: "decref", object: whole(element[1]) };
  }
  if (spells(word, "version") && element.length === 2) {
    return { kind: "version", version: whole(element[1]) };
  }
  throw new BrokerError(`unknown message ${JSON.stringify(decodeUtf8(word.subarray(0, 40)))}`);
}

function readCall(element: Banana[], limits?: JellyLimits): Call {
  if (element.length !== 7) throw new BrokerError("a call does not have seven parts");
  const [, request, object, method, answerRequired, args, kwargs] = element;
  if (!(method instanceof Uint8Array) || method.length > MAX_METHOD_BYTES) {
    throw new BrokerError("a call has no method name");
  }
  const items = asItems(readJelly(args as Banana, limits));
  if (items === null) throw new BrokerError("the arguments of a call are no tuple");
  const keywords = readJelly(kwargs as Banana, limits);
  if (!(keywords instanceof Dictionary)) {
    throw new BrokerError("the keyword arguments of a call are no dictionary");
  }
  return {
    kind: "message",
    request: whole(request),
    object: object instanceof Uint8Array && spells(object, ROOT) ? ROOT : whole(object),
    method: decodeUtf8(method),
    answerRequired: whole(answerRequired) !== 0,
    args: items,
    kwargs: keywords,
  };
}

function whole(value: Banana | undefined): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new BrokerError("a message lacks a number");
}

export function writeVersion(writer: BananaWriter): void {
  writer.list(2);
  writer.text("version");
  writer.integer(BROKER_VERSION);
}

/** All or nothing: if a value cannot be sent, it throws and nothing was written. */
export function writeCall(writer: BananaWriter, call: Omit<Call, "kind">): void {
  writer.attempt(() => {
    writer.list(7);
    writer.text("message");
    writer.integer(call.request);
    if (call.object === ROOT) writer.text(ROOT);
    else writer.integer(call.object);
    writer.text(call.method);
    writer.integer(call.answerRequired ? 1 : 0);
    writer.list(call.args.length + 1);
    writer.text("tuple");
    for (const arg of call.args) writeJelly(writer, arg);
    writeJelly(writer, call.kwargs);
  });
}

/** All or nothing, like `writeCall`. */
export function writeAnswer(writer: BananaWriter, request: number, value: Jelly): void {
  writer.attempt(() => {
    writer.list(3);
    writer.text("answer");
    writer.integer(request);
    writeJelly(writer, value);
  });
}

export function writeError(writer: BananaWriter, request: number, failure: Failure): void {
  writer.attempt(() => {
    writer.list(3);
    writer.text("error");
    writer.integer(request);
    writeJelly(writer, failureToJelly(failure));
  });
}

export function writeDecref(writer: BananaWriter, object: number): void {
  writer.list(2);
  writer.text("decref");
  writer.integer(object);
}
