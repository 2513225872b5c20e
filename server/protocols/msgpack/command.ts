/** One running command, as the worker reports on it (protocol §3.4, §4.2). */
import type { CommandSink } from "../../domain/wire";
import { CommandProgress, type Taken } from "../command-progress";
import { asItems, asNumber, asString, type Fields, readLines, type Value } from "./codec";
import type { Transfer } from "./transfer";

const MAX_FAILURE = 8 * 1024;

export class RunningCommand {
  readonly progress: CommandProgress;
  readonly transfer: Transfer | null;
  readonly #hold: (work: Promise<unknown>) => void;

  /** `hold` stops reading the worker's socket until the promise settles. */
  constructor(
    sink: CommandSink,
    transfer: Transfer | null,
    hold: (work: Promise<unknown>) => void,
  ) {
    this.progress = new CommandProgress(sink);
    this.transfer = transfer;
    this.#hold = hold;
  }

  serve(op: string, fields: Fields): Value | Promise<Value> {
    if (op === "update") return this.#update(fields.get("args"));
    if (op === "complete") return this.#complete(fields.get("args") ?? null);
    const answer = this.transfer?.serve(op, fields);
    if (answer === undefined) throw new Error(`the command does not take ${op}`);
    return answer;
  }

  #update(args: Value | undefined): null | Promise<null> {
    const pairs = asItems(args);
    if (pairs === null) throw new Error("an update is no array");
    const waits = this.#takeFrom(pairs, 0);
    if (waits === undefined) return null;
    this.#hold(waits);
    return waits.then(() => null);
  }

  /** One after the other: whoever takes a piece slowly is given no other meanwhile. */
  #takeFrom(pairs: readonly Value[], start: number): Taken {
    for (let index = start; index < pairs.length; index++) {
      const [key, value] = asItems(pairs[index]) ?? [];
      const wait = this.#take(asString(key), value);
      if (wait !== undefined) return wait.then(() => this.#takeFrom(pairs, index + 1));
    }
    return undefined;
  }

  #take(key: string | null, value: Value | undefined): Taken {
    const { progress } = this;
    switch (key) {
      case "stdout":
      case "stderr":
      case "header":
        return progress.output(key, textOf(value));
      case "log": {
        const [name, lines] = asItems(value) ?? [];
        return progress.log(asString(name) ?? "", textOf(lines));
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

  #complete(failure: Value): null {
    const words = failure === null ? null : (asString(failure) ?? "an unreadable failure");
    this.progress.complete(words === null ? null : words.slice(0, MAX_FAILURE));
    return null;
  }
}

function textOf(value: Value | undefined): Uint8Array {
  const text = readLines(value);
  if (text === null) throw new Error("output is no text");
  return text;
}
