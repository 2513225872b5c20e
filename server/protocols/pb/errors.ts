/** What can go wrong between two brokers, as errors. */
import type { Failure } from "./codec";
import { FailureType, failure } from "./codec";

export { messageOf, ProtocolViolation } from "../errors";

/** The peer answered a call of ours with a failure. */
export class RemoteFailure extends Error {
  override readonly name = "RemoteFailure";

  constructor(readonly failure: Failure) {
    super(failure.message === "" ? failure.type : failure.message);
  }

  /** Whether the failure is of that class or one derived from it. */
  is(type: string): boolean {
    return this.failure.type === type || this.failure.parents.includes(type);
  }
}

/** Thrown by an object of ours to be answered as that very failure. */
export class AnswerFailure extends Error {
  override readonly name = "AnswerFailure";

  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

export function noSuchMethod(method: string): AnswerFailure {
  return new AnswerFailure(
    failure(FailureType.noSuchMethod, `No such method: remote_${method}`, [
      FailureType.noSuchMethod,
      FailureType.attributeError,
      "builtins.Exception",
    ]),
  );
}

/** Arguments of a call that are not what the method takes. */
export function badArguments(method: string): AnswerFailure {
  return new AnswerFailure(failure("builtins.TypeError", `${method}: bad arguments`));
}

/** Any error as the failure that is sent to the peer. */
export function toFailure(error: unknown): Failure {
  if (error instanceof AnswerFailure) return error.failure;
  return failure("builtins.Exception", error instanceof Error ? error.message : String(error));
}
