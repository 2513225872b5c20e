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

/** What a person can do about it. */
export const DRIVER_ADVICE: Readonly<Record<DriverErrorCode, string>> = {
  "no-capacity":
    "Nothing is wrong with the settings: it is tried again by itself. Another size, zone or image may be there at once.",
  quota: "Stop machines that are not needed, or have the account's limit raised.",
  "bad-configuration":
    "Trying again is useless: correct the option that the message names, and save.",
  "provider-down":
    "Is the address right, does the provider run, and may this installation reach it? It is tried again by itself.",
  "not-found": "Is the name right, and is what it names there, on this account and in this place?",
};

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
  /** The driver's word for it; absent: it did not say. */
  readonly code?: DriverErrorCode;
}

export const ADVICE: Readonly<Record<DriverErrorCode, string>> = {
  "no-capacity":
    "It is tried again by itself; another place, size or kind of machine may have room.",
  quota:
    "It is tried again by itself; the account needs a higher limit, or fewer machines at a time.",
  "bad-configuration": "It is not tried again: the options of the worker have to change.",
  "provider-down":
    "It is tried again by itself; if it lasts, look whether the provider is reached from here.",
  "not-found":
    "It is tried again by itself; if it lasts, look whether what the options name still exists.",
};

export const ADVICE_SILENT =
  "Look at what the machine prints: does its image start a worker at boot, and does it reach the address that it was given?";
