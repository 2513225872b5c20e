/** Frames one after the other, for several readers in turn. */
import { BackupError } from "./error";
import type { Frame, FrameKind } from "./format";

export class FrameReader {
  readonly #frames: AsyncIterator<Frame>;
  #last: Frame | null = null;

  constructor(frames: AsyncIterable<Frame>) {
    this.#frames = frames[Symbol.asyncIterator]();
  }

  /** Null at the end of the file. */
  async next(): Promise<Frame | null> {
    const { value, done } = await this.#frames.next();
    this.#last = done ? null : value;
    return this.#last;
  }

  /** Bytes up to the frame that ends them. */
  async *data(): AsyncGenerator<Buffer> {
    for (let frame = await this.next(); frame?.kind === "data"; frame = await this.next()) {
      yield frame.payload;
    }
  }

  /** What the frame says that ended `data`. */
  end(): unknown {
    return this.read("end");
  }

  /** What the newest frame says, which must be of this kind. */
  read(kind: FrameKind): unknown {
    if (this.#last?.kind !== kind) throw new BackupError("file", `the backup has no ${kind} here`);
    return JSON.parse(this.#last.payload.toString());
  }

  /** Lets go of the file. */
  async close(): Promise<void> {
    await this.#frames.return?.();
  }
}
