/**
 * One running command, as the object that the worker calls (protocol §2.8, §4.2).
 *
 * `complete` may come before the answer to `startCommand`.
 */
import type { CommandSink } from "../../domain/wire";
import { CommandProgress, type Taken } from "../command-progress";
import type { Dictionary, Jelly } from "./codec";
import {
  asBytes,
  asItems,
  asNumber,
  asString,
  Dictionary as JellyDictionary,
  readFailure,
} from "./codec";
import { badArguments, noSuchMethod } from "./errors";
import type { LocalObject } from "./object-table";

export class RunningCommand implements LocalObject {
  readonly progress: CommandProgress;
  readonly #hold: (work: Promise<unknown>) => void;

  /** `hold` stops reading the worker's socket until the promise settles. */
  constructor(sink: CommandSink, hold: (work: Promise<unknown>) => void) {
    this.progress = new CommandProgress(sink);
    this.#hold = hold;
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

  #take(key: string | null, value: Jelly): Taken {
    const { progress } = this;
    if (progress.isOver) return undefined;
    switch (key) {
      case "stdout":
      case "stderr":
      case "header":
        return progress.output(key, textOf(value));
      case "log": {
        const [name, text] = asItems(value) ?? [];
        return progress.log(asString(name) ?? "", textOf(text));
      }
      case "rc":
        progress.rc(asNumber(value));
        return undefined;
      case "elapsed":
        progress.elapsed(asNumber(value));
        return undefined;
      case "failure_reason":
        progress.failureReason(asString(value));
        return undefined;
      case "stat":
        return progress.stat((asItems(value) ?? []).map(asNumber));
      case "files":
        return progress.files((asItems(value) ?? []).flatMap((name) => asString(name) ?? []));
      default:
        // A newer worker may tell more than we know of.
        return undefined;
    }
  }

  #complete(outcome: Jelly): Jelly {
    if (outcome === null) this.progress.complete(null);
    else {
      const failure = readFailure(outcome);
      this.progress.complete(failure.message === "" ? failure.type : failure.message);
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
