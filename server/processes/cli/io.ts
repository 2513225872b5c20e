/** What a command has of its surroundings, and how it ends. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The whole of standard input. */
  stdin(): Promise<string>;
  sleep(ms: number): Promise<void>;
}

export interface Command {
  /** Words that call it: `["token", "create"]`. */
  readonly words: readonly string[];
  /** What follows the words, for the list of commands. */
  readonly synopsis: string;
  readonly summary: string;
  readonly help: string;
  /** @returns the exit status; @throws UsageError, and errors whose message is for a person */
  run(args: readonly string[], io: Io): Promise<number>;
}

/** Exit statuses (sysexits.h), above the results that `trigger --wait` ends with. */
export const EXIT = {
  usage: 64,
  data: 65,
  unavailable: 69,
  fault: 70,
  /** The thing is done; what belongs to it is not. */
  unfinished: 75,
  denied: 77,
} as const;

/** The command line is wrong. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** It did not work out; the message is for a person. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  constructor(
    message: string,
    readonly status: number = EXIT.fault,
  ) {
    super(message);
  }
}
