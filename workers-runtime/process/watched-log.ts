/**
 * Log files that a command writes, followed while it runs (protocol §5.2).
 *
 * A file that was there before counts as old until its size or time changes; then it is read from its
 * start, or with `follow` from where it ended. It is looked at every two seconds and once more at the
 * end. A file that became shorter is a new one.
 */
import { type FileHandle, open, stat } from "node:fs/promises";
import { LineSplitter } from "../output/line-splitter";

const LOOK_EVERY_MS = 2_000;
const BLOCK_BYTES = 64 * 1024;

export interface WatchedLogOptions {
  readonly path: string;
  readonly follow: boolean;
  /** Takes whole lines; a returned promise is waited for before more is read. */
  readonly onLines: (lines: Buffer) => void | Promise<void>;
}

interface Mark {
  readonly size: number;
  readonly changedMs: number;
}

export class WatchedLog {
  readonly #options: WatchedLogOptions;
  readonly #lines = new LineSplitter();
  #old: Mark | null = null;
  #file: FileHandle | null = null;
  #offset = 0;
  #timer: NodeJS.Timeout | null = null;
  #look: Promise<void> = Promise.resolve();
  #isEnded = false;

  constructor(options: WatchedLogOptions) {
    this.#options = options;
  }

  /** Notes what is there already; to be called before the command starts. */
  async start(): Promise<void> {
    this.#old = await this.#mark();
    this.#lookLater();
  }

  /** Reads what is left. */
  async end(): Promise<void> {
    this.#isEnded = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#look;
    await this.#readNew();
    const rest = this.#lines.end();
    if (rest !== null) await this.#options.onLines(rest);
    await this.#file?.close();
  }

  #lookLater(): void {
    if (this.#isEnded) return;
    this.#timer = setTimeout(() => {
      this.#look = this.#readNew().then(() => this.#lookLater());
    }, LOOK_EVERY_MS);
  }

  async #mark(): Promise<Mark | null> {
    try {
      const told = await stat(this.#options.path);
      // A named pipe would keep us until somebody writes it, a device for ever.
      return told.isFile() ? { size: told.size, changedMs: told.mtimeMs } : null;
    } catch {
      return null;
    }
  }

  /** A file that cannot be read is one that is not there: it may come, or not. */
  async #readNew(): Promise<void> {
    try {
      const now = await this.#mark();
      if (now === null) return;
      if (this.#file === null) {
        const old = this.#old;
        if (old !== null && old.size === now.size && old.changedMs === now.changedMs) return;
        this.#file = await open(this.#options.path, "r");
        this.#offset = this.#options.follow && old !== null ? Math.min(old.size, now.size) : 0;
      }
      await this.#readOn(this.#file);
    } catch {
      // Said above.
    }
  }

  async #readOn(file: FileHandle): Promise<void> {
    if ((await file.stat()).size < this.#offset) this.#offset = 0;
    for (;;) {
      const block = Buffer.allocUnsafe(BLOCK_BYTES);
      const { bytesRead } = await file.read(block, 0, BLOCK_BYTES, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      const lines = this.#lines.push(block.subarray(0, bytesRead));
      if (lines !== null) await this.#options.onLines(lines);
    }
  }
}
