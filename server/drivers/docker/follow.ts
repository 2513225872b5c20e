/**
 * `followStartupLogs`: what containers print while they start, line by line, to whoever opened the
 * driver. One follower for each container and process; nobody has to end it, and it ends.
 */
import type { Surroundings } from "../contract";
import type { Engine } from "./engine";
import { without } from "./errors";
import { Lines, LogFrames } from "./log-frames";

/** As long as a machine has to log in, unless somebody says otherwise. */
const LONGEST_MS = 1_200_000;
const MOST_LINES = 5_000;
/** At once, so that sockets are left for what cannot be done without. */
const MOST_FOLLOWED = 32;
/** Of one that was begun by another process. */
const LAST_LINES = 100;

export class Followers {
  readonly #open = new Map<string, AbortController>();

  follow(
    key: string,
    engineFor: (signal: AbortSignal) => Engine,
    { note }: Surroundings,
    { hidden, isNew }: { readonly hidden: readonly string[]; readonly isNew: boolean },
  ): void {
    if (this.#open.has(key)) return;
    const [oldest] = this.#open.keys();
    // It has most likely logged in since.
    if (oldest !== undefined && this.#open.size >= MOST_FOLLOWED) this.end(oldest);
    const end = new AbortController();
    this.#open.set(key, end);
    const timer = setTimeout(() => end.abort(), LONGEST_MS);
    timer.unref();
    const say = (line: string) => note(without(hidden, line), "machine");
    copy(engineFor(end.signal), key, isNew ? "all" : LAST_LINES, say, end.signal)
      // It is gone, or the engine is: whoever looks at the machine says so.
      .catch(() => {})
      .finally(() => {
        clearTimeout(timer);
        end.abort();
        if (this.#open.get(key) === end) this.#open.delete(key);
      });
  }

  end(key: string): void {
    this.#open.get(key)?.abort();
    this.#open.delete(key);
  }
}

async function copy(
  engine: Engine,
  key: string,
  tail: number | "all",
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const stream = await engine.follow(key, tail);
  const frames = new LogFrames();
  const lines = new Lines();
  let left = MOST_LINES;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    if (signal.aborted) return;
    for (const line of lines.push(frames.push(chunk))) {
      say(line);
      left -= 1;
    }
    if (left <= 0) return say("(its output is followed no further)");
  }
  for (const line of lines.end()) say(line);
}
