/**
 * One running command, as the object that the worker calls (protocol §2.8, §4.2).
 *
 *   running   updates go to the sink
 *   ended     `complete` was called, the worker refused the command, or the connection went
 *
 * Updates may come after `rc`, and `complete` before the answer to `startCommand`: the object knows
 * no other order than "nothing after the end".
 */
import type { CommandEnd, CommandSink, FailureReason } from "../../domain/wire";
import type { Dictionary, Jelly } from "./codec";
import {
  asBytes,
  asItems,
  asNumber,
  asString,
  Dictionary as JellyDictionary,
  readFailure,
} from "./codec";
import { badArguments, messageOf, noSuchMethod } from "./errors";
import type { LocalObject } from "./object-table";

const MAX_LOG_NAME = 1024;
const MAX_NUMBERS = 64;

const FAILURE_REASONS: ReadonlySet<string> = new Set<FailureReason>([
  "timeout_without_output",
  "timeout",
  "max_lines_failure",
]);

export class RunningCommand implements LocalObject {
  readonly ended: Promise<CommandEnd>;
  readonly #sink: CommandSink;
  readonly #hold: (work: Promise<unknown>) => void;
  #rc: number | null = null;
  #elapsedSeconds: number | null = null;
  #failureReason: FailureReason | null = null;
  #sinkError: string | null = null;
  #isOver = false;
  #settle: (end: CommandEnd) => void = () => {};

  /** `hold` stops reading the worker's socket until the promise settles. */
  constructor(sink: CommandSink, hold: (work: Promise<unknown>) => void) {
    this.#sink = sink;
    this.#hold = hold;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** Ends the command; only the first end counts. */
  end(end: CommandEnd): void {
    this.#isOver = true;
    this.#settle(end);
  }

  call(method: string, args: readonly Jelly[], _kwargs: Dictionary): Jelly | Promise<Jelly> {
    if (method === "update") return this.#update(args);
    if (method === "complete") return this.#complete(args[0] ?? null);
    throw noSuchMethod(method);
  }

  /** The answer is the largest number of the pairs; it is given once the sink has taken the text. */
  #update(args: readonly Jelly[]): Jelly | Promise<Jelly> {
    const pairs = asItems(args[0]);
    if (pairs === null) throw badArguments("update");
    let largest = 0;
    const waits: Promise<void>[] = [];
    for (const pair of pairs) {
      const [values, number] = asItems(pair) ?? [];
      if (!(values instanceof JellyDictionary)) throw badArguments("update");
      largest = Math.max(largest, asNumber(number) ?? 0);
      for (const [key, value] of values.entries) {
        const wait = this.#take(asString(key), value);
        if (wait !== undefined) waits.push(wait);
      }
    }
    if (waits.length === 0) return largest;
    const all = Promise.all(waits);
    this.#hold(all);
    return all.then(() => largest);
  }

  #take(key: string | null, value: Jelly): Promise<void> | undefined {
    if (this.#isOver) return undefined;
    switch (key) {
      case "stdout":
      case "stderr":
      case "header": {
        const text = textOf(value);
        return this.#guard(() => this.#sink.output(key, text));
      }
      case "log": {
        const [name, text] = asItems(value) ?? [];
        const logName = (asString(name) ?? "").slice(0, MAX_LOG_NAME);
        const logText = textOf(text);
        return this.#guard(() => this.#sink.log(logName, logText));
      }
      case "rc":
        this.#rc = asNumber(value);
        return undefined;
      case "elapsed":
        this.#elapsedSeconds = asNumber(value);
        return undefined;
      case "failure_reason":
        this.#failureReason = failureReason(value);
        return undefined;
      case "stat": {
        const numbers = (asItems(value) ?? []).slice(0, MAX_NUMBERS).map(asNumber);
        return this.#guard(() => this.#sink.stat?.(numbers.filter((number) => number !== null)));
      }
      case "files": {
        const names = (asItems(value) ?? []).flatMap((name) => asString(name) ?? []);
        return this.#guard(() => this.#sink.files?.(names));
      }
      default:
        // A newer worker may tell more than we know of.
        return undefined;
    }
  }

  /** A sink that fails does not stop the worker: the text is lost, and the end says so. */
  #guard(take: () => void | Promise<void>): Promise<void> | undefined {
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

  #complete(outcome: Jelly): Jelly {
    if (outcome !== null) {
      const failure = readFailure(outcome);
      this.end({
        kind: "failed",
        message: failure.message === "" ? failure.type : failure.message,
      });
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
    return null;
  }
}

/** Answers what comes after the end: late updates are taken and dropped. */
export const endedCommand: LocalObject = {
  call(method) {
    if (method === "update") return 0;
    if (method === "complete") return null;
    throw noSuchMethod(method);
  },
};

function textOf(value: Jelly | undefined): Uint8Array {
  const text = asBytes(value);
  if (text === null) throw badArguments("update");
  return text;
}

function failureReason(value: Jelly): FailureReason | null {
  const reason = asString(value);
  return reason !== null && FAILURE_REASONS.has(reason) ? (reason as FailureReason) : null;
}
