/** Exceptions on the wire (protocol §2.6). */

import { encodeUtf8 } from "../../text";
import type { Jelly } from "./jelly";
import { asItems, asString, Copied, Dictionary } from "./jelly";

export const FAILURE_CLASS = "twisted.spread.pb.CopyableFailure";

/** Names that peers look for among `parents`. */
export const FailureType = {
  unauthorized: "twisted.cred.error.UnauthorizedLogin",
  noSuchMethod: "twisted.spread.flavors.NoSuchMethod",
  connectionLost: "twisted.spread.pb.PBConnectionLost",
  pbError: "twisted.spread.pb.Error",
  attributeError: "builtins.AttributeError",
} as const;

export interface Failure {
  /** Full dotted name of the exception class. */
  readonly type: string;
  readonly message: string;
  /** The class and its ancestors; what a receiver decides by. */
  readonly parents: readonly string[];
  /** Traceback text, usually `"Traceback unavailable\n"`. */
  readonly traceback: string;
}

const MAX_NAME = 256;
const MAX_MESSAGE = 8 * 1024;
const MAX_PARENTS = 64;

/** A failure whose ancestors are itself and `builtins.Exception`, unless given. */
export function failure(type: string, message: string, parents?: readonly string[]): Failure {
  return {
    type,
    message,
    parents: parents ?? [type, "builtins.Exception"],
    traceback: "Traceback unavailable\n",
  };
}

/** The copied object that a Python peer turns back into a failure, filler included. */
export function failureToJelly(value: Failure): Copied {
  return new Copied(
    FAILURE_CLASS,
    new Dictionary([
      ["type", encodeUtf8(value.type)],
      ["value", value.message],
      ["parents", [...value.parents]],
      ["traceback", value.traceback],
      ["captureVars", false],
      ["frames", []],
      ["stack", []],
      ["tb", null],
      ["count", 0],
      ["unsafeTracebacks", false],
    ]),
  );
}

/** What a peer says went wrong; whatever it sent, the result is bounded. Never throws. */
export function readFailure(value: Jelly): Failure {
  const state = value instanceof Copied ? value.state : value;
  if (!(state instanceof Dictionary)) {
    const message = asString(value);
    return failure("unknown", message === null ? "an unreadable failure" : cut(message));
  }
  const parents = asItems(state.get("parents")) ?? [];
  return {
    type: cut(asString(state.get("type")) ?? "unknown", MAX_NAME),
    message: cut(asString(state.get("value")) ?? ""),
    parents: parents
      .slice(0, MAX_PARENTS)
      .flatMap((name) => asString(name) ?? [])
      .map((name) => cut(name, MAX_NAME)),
    traceback: cut(asString(state.get("traceback")) ?? ""),
  };
}

function cut(text: string, length = MAX_MESSAGE): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
