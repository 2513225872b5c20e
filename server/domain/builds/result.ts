/**
 * How a step, a build, a request or a buildset ended. The numbers are Buildbot's and fixed: they
 * stand in the database, in the API and in people's tools (CORE §6).
 */
export const RESULTS = {
  SUCCESS: 0,
  WARNINGS: 1,
  FAILURE: 2,
  SKIPPED: 3,
  EXCEPTION: 4,
  RETRY: 5,
  CANCELLED: 6,
} as const;

export type ResultName = keyof typeof RESULTS;
export type Result = (typeof RESULTS)[ResultName];

export const { SUCCESS, WARNINGS, FAILURE, SKIPPED, EXCEPTION, RETRY, CANCELLED } = RESULTS;

export function resultName(result: Result): ResultName {
  for (const [name, value] of Object.entries(RESULTS)) {
    if (value === result) return name as ResultName;
  }
  throw new RangeError(`no such result: ${String(result)}`);
}

export function isResult(value: unknown): value is Result {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 6;
}

/** From worst to best. */
const WORST_FIRST: readonly Result[] = [
  CANCELLED,
  RETRY,
  EXCEPTION,
  FAILURE,
  WARNINGS,
  SUCCESS,
  SKIPPED,
];

export function worst(a: Result, b: Result): Result {
  return WORST_FIRST.indexOf(a) <= WORST_FIRST.indexOf(b) ? a : b;
}

/** The flags of a step that say what its result means for the build (CORE §5.1). */
export interface ResultFlags {
  readonly haltOnFailure: boolean;
  readonly flunkOnFailure: boolean;
  readonly flunkOnWarnings: boolean;
  readonly warnOnFailure: boolean;
  readonly warnOnWarnings: boolean;
}

export interface Contribution {
  /** What the step makes of the build. */
  readonly result: Result;
  /** No further steps, except those that always run. */
  readonly halts: boolean;
}

/** What one step's result contributes to its build (C-060). */
export function contribution(step: Result, flags: ResultFlags): Contribution {
  switch (step) {
    case FAILURE: {
      const result = flags.flunkOnFailure ? FAILURE : flags.warnOnFailure ? WARNINGS : SUCCESS;
      return { result, halts: flags.haltOnFailure };
    }
    case WARNINGS: {
      const result = flags.flunkOnWarnings ? FAILURE : flags.warnOnWarnings ? WARNINGS : SUCCESS;
      return { result, halts: false };
    }
    case EXCEPTION:
    case RETRY:
    case CANCELLED:
      return { result: step, halts: true };
    case SUCCESS:
    case SKIPPED:
      return { result: step, halts: false };
  }
}

/** A buildset is the worst of its requests, starting with SUCCESS (C-062). */
export function buildsetResult(requests: readonly Result[]): Result {
  return requests.reduce(worst, SUCCESS as Result);
}
