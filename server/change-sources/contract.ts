/**
 * The seam between the engine and how we hear of changes.
 *
 * A source is data (its schema) and one function, `poll(context)`: what has come since the cursor,
 * and the next cursor. The engine stores both in one transaction, runs one poll at a time for each
 * source, and knows when the next is due. A poll that fails throws `SourceProblem` with words for a
 * person; nothing has been seen then, and the next poll sees it.
 */

import type { Change } from "../domain/changes";
import type { RepositoryProblem } from "../domain/git";
import type { JsonValue } from "../domain/properties";

export interface PollContext {
  /** What the last poll gave, as it was stored; `{}` before the first. */
  readonly cursor: unknown;
  /** This source's own on this host: it may be empty, stale or spoilt at any time. */
  readonly directory: string;
  /** Values of the secrets that `secretNames` lists. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Organisations are strangers: nothing of this host or its network is lent to them. */
  readonly isHosted: boolean;
  readonly now: () => number;
  /** Aborted when the time is up. */
  readonly stop: AbortSignal;
}

export interface Polled {
  /** Oldest first. */
  readonly changes: readonly Change[];
  readonly cursor: JsonValue;
  /** What is not as it was configured, for a person; null: all is well. */
  readonly note: string | null;
}

export interface ChangeSource {
  readonly secretNames: readonly string[];
  /** From the end of one poll to the next. @param random from 0 to 1 */
  delayMs(random: number): number;
  /** @throws SourceProblem */
  poll(context: PollContext): Promise<Polled>;
}

/** Why there is nothing to see, for a person; never with a secret in it. */
export class SourceProblem extends Error {
  override readonly name = "SourceProblem";
  /** What kind of trouble it is, where that is known. */
  readonly problem: RepositoryProblem;

  constructor(
    message: string,
    {
      problem = "failed",
      ...options
    }: ErrorOptions & { readonly problem?: RepositoryProblem } = {},
  ) {
    super(message, options);
    this.problem = problem;
  }
}

/** A row as the configuration wrote it. */
export interface SourceRow {
  readonly name: string;
  readonly kind: string;
  readonly config: unknown;
}

/** @throws when the row cannot be read */
export type MakeChangeSource = (row: SourceRow) => ChangeSource;
