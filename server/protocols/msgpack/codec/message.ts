/**
 * Requests and responses (protocol §3.2): what one binary frame says.
 *
 * Both sides count their own requests from 0; a response names the number of the request it answers.
 */
import { decodeValue } from "./decoder";
import { encodeValue } from "./encoder";
import type { MasterOp, SelfOp, WorkerOp } from "./requests";
import {
  asFields,
  asString,
  type Fields,
  MsgpackError,
  type MsgpackLimits,
  type Value,
} from "./value";

export type Message =
  | {
      readonly kind: "request";
      readonly sequence: number;
      /** Whatever the peer said; not always one we know. */
      readonly op: string;
      /** All fields of the frame, `op` and `seq_number` among them. */
      readonly fields: Fields;
    }
  | {
      readonly kind: "response";
      readonly sequence: number;
      /** What was asked for; when the request failed, what went wrong as a text. */
      readonly result: Value;
      readonly failed: boolean;
    }
  /** A map that is neither; real peers drop it with a line in their log. */
  | { readonly kind: "stray" };

const RESPONSE = "response";

/** Throws `MsgpackError`: the peer speaks something else. */
export function readMessage(frame: Uint8Array, limits?: MsgpackLimits): Message {
  const fields = asFields(decodeValue(frame, limits));
  if (fields === null) throw new MsgpackError("a message is no map");
  if (!fields.has("op") || !fields.has("seq_number")) return { kind: "stray" };
  const op = asString(fields.get("op"));
  const sequence = fields.get("seq_number");
  if (op === null) throw new MsgpackError("the op of a message is no text");
  if (typeof sequence !== "number" || !Number.isSafeInteger(sequence) || sequence < 0) {
    throw new MsgpackError("the number of a message is none");
  }
  if (op !== RESPONSE) return { kind: "request", sequence, op, fields };
  return {
    kind: "response",
    sequence,
    result: fields.get("result") ?? null,
    failed: fields.has("is_exception"),
  };
}

export function writeRequest(
  sequence: number,
  op: MasterOp | WorkerOp | SelfOp,
  fields: { readonly [key: string]: Value | undefined },
): Uint8Array {
  return encodeValue({ op, ...fields, seq_number: sequence });
}

export function writeResponse(sequence: number, result: Value): Uint8Array {
  return encodeValue({ op: RESPONSE, seq_number: sequence, result });
}

/** The request failed, in words for the peer's log. */
export function writeFailure(sequence: number, message: string): Uint8Array {
  return encodeValue({ op: RESPONSE, seq_number: sequence, result: message, is_exception: true });
}
