/**
 * What a running command has told so far, whatever its protocol (protocol §4.2).
 *
 *   running   what is told goes to the sink
 *   ended     the worker said so, or refused the command, or the connection went
 *
 * Output may come after `rc`: nothing is known of an order but "nothing after the end".
 */
import type { CommandEnd, CommandSink, FailureReason } from "../domain/wire";
import { messageOf } from "./errors";

const MAX_LOG_NAME = 1024;
const MAX_NUMBERS = 64;

const FAILURE_REASONS: ReadonlySet<string> = new Set<FailureReason>([
  "timeout_without_output",
  "timeout",
  "max_lines_failure",
]);

/** A promise is the sink's back-pressure. It never rejects. */
export type Taken = Promise<void> | undefined;

export class CommandProgress {
  readonly ended: Promise<CommandEnd>;
  readonly #sink: CommandSink;
  #rc: number | null = null;
  #elapsedSeconds: number | null = null;
  #failureReason: FailureReason | null = null;
  #sinkError: string | null = null;
  #isOver = false;
  #settle: (end: CommandEnd) => void = () => {};

  constructor(sink: CommandSink) {
    this.#sink = sink;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ends the command; only the first end counts. */
  end(end: CommandEnd): void {
    this.#isOver = true;
    this.#settle(end);
  }

  output(stream: "stdout" | "stderr" | "header", text: Uint8Array): Taken {
    return this.#guard(() => this.#sink.output(stream, text));
  }

  log(name: string, text: Uint8Array): Taken {
    return this.#guard(() => this.#sink.log(name.slice(0, MAX_LOG_NAME), text));
  }

  rc(value: number | null): void {
    this.#rc = value;
  }

  elapsed(seconds: number | null): void {
    this.#elapsedSeconds = seconds;
  }

  failureReason(reason: string | null): void {
    const isKnown = reason !== null && FAILURE_REASONS.has(reason);
    this.#failureReason = isKnown ? (reason as FailureReason) : null;
  }

  stat(numbers: readonly (number | null)[]): Taken {
    const known = numbers.slice(0, MAX_NUMBERS).filter((number) => number !== null);
    return this.#guard(() => this.#sink.stat?.(known));
  }

  files(names: readonly string[]): Taken {
    return this.#guard(() => this.#sink.files?.(names));
  }

  /** The worker says that the command is over; `failure` tells what went wrong in the worker. */
  complete(failure: string | null): void {
    if (failure !== null) {
      this.end({ kind: "failed", message: failure });
    } else if (this.#sinkError !== null) {
      this.end({ kind: "failed", message: `the output could not be kept: ${this.#sinkError}` });
    } else {
      this.end({
        kind: "completed",
        rc: this.#rc,
        elapsedSeconds: this.#elapsedSeconds,
        failureReason: this.#failureReason,
      });
    }
  }

  /** A sink that fails does not stop the worker: the text is lost, and the end says so. */
  #guard(take: () => void | Promise<void>): Taken {
    if (this.#isOver) return undefined;
    const failed = (error: unknown) => {
      this.#sinkError ??= messageOf(error);
    };
    try {
      const result = take();
      return result instanceof Promise ? result.catch(failed) : undefined;
    } catch (error) {
      failed(error);
      return undefined;
    }
  }
}
