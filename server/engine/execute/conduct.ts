/**
 * What the end of a build says of its worker (W-091, W-093). Pure.
 *
 * EXCEPTION is misbehaviour, also when the build could not be prepared; so is a worker that does not
 * answer before a build. What a person stopped while it was prepared says nothing bad of the worker,
 * nor does the EXCEPTION that a person asked for. A lost connection says nothing at all.
 */
import { EXCEPTION, RETRY, type Result } from "../../domain/builds";

export type Conduct =
  | { readonly kind: "misbehaved"; readonly reason: string }
  | { readonly kind: "behaved" }
  | { readonly kind: "unknown" };

export interface EndedBuild {
  readonly result: Result;
  readonly reason: string;
  /** Its first step had begun. */
  readonly isPrepared: boolean;
  readonly stop: { readonly result?: number | null } | null;
  /** The worker was asked for a sign of life and gave none. */
  readonly isUnanswered: boolean;
}

export function conductOf({ result, reason, isPrepared, stop, isUnanswered }: EndedBuild): Conduct {
  if (result !== EXCEPTION && result !== RETRY) return { kind: "behaved" };
  const isOurs = stop !== null && (!isPrepared || stop.result === result);
  if (isOurs || (result === RETRY && !isUnanswered)) return { kind: "unknown" };
  return { kind: "misbehaved", reason };
}
