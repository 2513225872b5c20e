/**
 * The seam between the engine and what decides when to build.
 *
 * A scheduler is data (its schema) and two pure functions. `classify` says what it makes of one
 * change; `decide` says what follows at a moment: buildsets, the changes to keep, what to remember
 * and when to be woken. The engine saves all of that in one transaction, so nothing is decided
 * twice and nothing is forgotten (C-080, C-082). Time and everything else comes in as an argument.
 */
import type { StoredChange } from "../domain/changes";
import type { ChangeId } from "../domain/ids";
import type { JsonValue, Properties } from "../domain/properties";

export interface Classified {
  readonly change: StoredChange;
  readonly isImportant: boolean;
  /** What shares a timer: all changes, or those of one branch. */
  readonly line: string;
}

export interface Moment {
  /** What it remembered, as it was stored; anything at all when its kind has changed. */
  readonly cursor: unknown;
  /** Milliseconds since the epoch, by the database's clock. */
  readonly now: number;
  /** Accepted by `classify` just now, oldest first. */
  readonly changes: readonly Classified[];
  /** Kept earlier, of the lines that `due` names, oldest first. */
  readonly kept: readonly Classified[];
}

export interface BuildsetPlan {
  /** The same for the same decision, so that nothing is built twice. */
  readonly key: string;
  readonly builderNames: readonly string[];
  readonly reason: string;
  readonly priority: number;
  readonly properties: Properties;
  readonly sourceStamps: readonly {
    readonly codebase: string;
    readonly repository: string;
    readonly branch: string | null;
    readonly revision: string | null;
    readonly project: string;
  }[];
  readonly changeIds: readonly ChangeId[];
}

export interface Decision {
  readonly buildsets: readonly BuildsetPlan[];
  /** Of `changes`: those that wait. */
  readonly keep: readonly Classified[];
  /** Lines whose kept changes are built, or need not be kept any longer. */
  readonly done: readonly string[];
  readonly cursor: JsonValue;
  /** When to decide again without being asked; null: only when asked. */
  readonly fireAt: number | null;
}

export interface Scheduler {
  /** Null: the change is none of its business. */
  classify(change: StoredChange): Omit<Classified, "change"> | null;
  /** Lines whose time has come. */
  due(cursor: unknown, now: number): readonly string[];
  decide(moment: Moment): Decision;
}

/** A row as the configuration wrote it. */
export interface SchedulerRow {
  readonly name: string;
  readonly kind: string;
  readonly config: unknown;
}

/** Null: one that acts only when a person or a build asks. @throws when the row cannot be read */
export type MakeScheduler = (row: SchedulerRow) => Scheduler | null;
