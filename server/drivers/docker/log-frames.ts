/**
 * What a container printed, as an engine sends it: frames of 8 bytes (stream, 0, 0, 0, length) and then
 * as many bytes as they say; without frames where the container has a terminal.
 */
export class LogFrames {
  readonly #head = Buffer.alloc(HEADER);
  /** Of what is filled next: the head, or else the frame that it announced. */
  #frame: Buffer | null = null;
  #filled = 0;
  #isPlain = false;

  /** @returns the text of what is complete */
  push(chunk: Buffer): Buffer {
    if (this.#isPlain) return chunk;
    const parts: Buffer[] = [];
    for (let at = 0; at < chunk.length; ) {
      const into = this.#frame ?? this.#head;
      const taken = chunk.copy(into, this.#filled, at);
      at += taken;
      this.#filled += taken;
      if (this.#filled < into.length) break;
      if (this.#frame) parts.push(this.#frame);
      else if (!isFrame(into)) {
        this.#isPlain = true;
        parts.push(into, chunk.subarray(at));
        break;
      }
      this.#frame = this.#frame ? null : frameAfter(into);
      this.#filled = 0;
    }
    return Buffer.concat(parts);
  }
}

const HEADER = 8;
const LONGEST_FRAME = 1024 * 1024;

const isFrame = (head: Buffer) => (head[0] as number) <= 2 && head.readUIntBE(1, 3) === 0;

/** A frame is no longer than a line, and a line of a container is cut at 16 KiB. */
function frameAfter(head: Buffer): Buffer | null {
  const length = head.readUInt32BE(4);
  if (length > LONGEST_FRAME) throw new RangeError("a frame of a log is too long");
  return length === 0 ? null : Buffer.allocUnsafe(length);
}

/** Whole lines of a stream of bytes, each of at most so many characters. */
export class Lines {
  /** Of the line that has no end yet; looked through once, however small the pieces are. */
  #held: string[] = [];
  #length = 0;
  readonly #decoder = new TextDecoder();

  constructor(private readonly longest = 16_384) {}

  push(bytes: Buffer): string[] {
    const [first = "", ...others] = this.#decoder.decode(bytes, { stream: true }).split("\n");
    this.#hold(first);
    return others.map((next) => {
      const line = this.#taken();
      this.#hold(next);
      return line.replace(/\r$/, "");
    });
  }

  /** What came without an end of line. */
  end(): string[] {
    this.#hold(this.#decoder.decode());
    const rest = this.#taken();
    return rest === "" ? [] : [rest];
  }

  #hold(text: string): void {
    const kept = text.slice(0, this.longest - this.#length);
    if (kept === "") return;
    this.#held.push(kept);
    this.#length += kept.length;
  }

  #taken(): string {
    const line = this.#held.join("");
    this.#held = [];
    this.#length = 0;
    return line;
  }
}
