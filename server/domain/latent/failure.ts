/**
 * Why a machine could not be had, and what that means for whoever waits for it (spec 9.3).
 *
 * A driver knows five words. Only one of them says that trying again is useless; a cloud that is full,
 * at its limit or away may have changed its mind a minute later.
 */
export const DRIVER_ERRORS = {
  "no-capacity": "the provider has no machine to give",
  quota: "the account has reached its limit",
  "bad-configuration": "the provider refuses what is configured",
  "provider-down": "the provider does not answer",
  "not-found": "the provider does not know it",
} as const;

export type DriverErrorCode = keyof typeof DRIVER_ERRORS;

/**
 * `transient`: its builds end in RETRY and are tried again, on any worker. `permanent`: it can never
 * succeed as it is configured, and they end in EXCEPTION. The worker rests in either case.
 */
export type Verdict = "transient" | "permanent";

export function verdictOf(code: DriverErrorCode): Verdict {
  return code === "bad-configuration" ? "permanent" : "transient";
}

/** A start that came to nothing: kept until those who waited for it were told. */
export interface Failure {
  readonly verdict: Verdict;
  readonly reason: string;
  /** What a person may do about it. */
  readonly advice?: string;
  /** What its machine printed last, where the reason does not say it. */
  readonly printed?: string;
  /** The driver's word for it; absent: it did not say. */
  readonly code?: DriverErrorCode;
  /** No provider was asked: no try, and so none that failed (`max_preparation_failures`). */
  readonly isUntried?: boolean;
}
