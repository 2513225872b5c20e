/**
 * Updates of one command on their way to the master (protocol §4.2, §5.1).
 *
 * Neighbouring texts of one stream become one update. The batch goes out when it holds 64 KiB, or
 * 0.1 s after its first piece, or when the command ends. Order is the order of events.
 */
import { characterStart } from "./line-splitter";
import type { CommandChannel, TextStream, Update } from "./update";

const BATCH_BYTES = 64 * 1024;
/** Well under the 640 KiB that a peer accepts in one string. */
const MAX_TEXT_BYTES = 256 * 1024;
export const FLUSH_AFTER_MS = 100;

interface OpenText {
  readonly stream: TextStream;
  /** Of a watched log file. */
  readonly name: string | null;
  readonly pieces: Uint8Array[];
  bytes: number;
}

export class UpdateBatch {
  readonly #channel: CommandChannel;
  readonly #flushAfterMs: number;
  #waiting: (Update | OpenText)[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(channel: CommandChannel, flushAfterMs: number = FLUSH_AFTER_MS) {
    this.#channel = channel;
    this.#flushAfterMs = flushAfterMs;
  }

  /** Whether so much is unsent that a producer should stop until `onRoom`. */
  get isFull(): boolean {
    return this.#channel.isFull;
  }

  /** Calls back once, when there is room again or the connection is gone. */
  onRoom(resume: () => void): void {
    this.#channel.onRoom(resume);
  }

  text(stream: "stdout" | "stderr" | "header", text: Uint8Array | string): void {
    this.#text(stream, null, typeof text === "string" ? Buffer.from(text) : text);
  }

  log(name: string, text: Uint8Array): void {
    this.#text("log", name, text);
  }

  value(update: Update): void {
    this.#waiting.push(update);
    this.#flushLater();
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    const updates = waiting.flatMap((entry) => ("key" in entry ? [entry] : inPieces(entry)));
    if (updates.length > 0) this.#channel.send(updates);
  }

  #text(stream: TextStream, name: string | null, text: Uint8Array): void {
    if (text.length === 0) return;
    const last = this.#waiting[this.#waiting.length - 1];
    if (last !== undefined && "pieces" in last && last.stream === stream && last.name === name) {
      last.pieces.push(text);
      last.bytes += text.length;
    } else {
      this.#waiting.push({ stream, name, pieces: [text], bytes: text.length });
    }
    this.#bytes += text.length;
    if (this.#bytes >= BATCH_BYTES) this.flush();
    else this.#flushLater();
  }

  #flushLater(): void {
    this.#timer ??= setTimeout(() => this.flush(), this.#flushAfterMs);
  }
}

/** A text as updates that no peer finds too long, cut between characters. */
function inPieces({ stream, name, pieces, bytes }: OpenText): Update[] {
  const whole = pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces, bytes);
  const updates: Update[] = [];
  for (let start = 0; start < whole.length; ) {
    const furthest = start + MAX_TEXT_BYTES;
    const end = furthest >= whole.length ? whole.length : characterStart(whole, furthest);
    const text = whole.subarray(start, end);
    updates.push(stream === "log" ? { key: "log", name: name ?? "", text } : { key: stream, text });
    start = end;
  }
  return updates;
}
