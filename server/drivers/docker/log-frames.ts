/**
 * What a container printed, as an engine sends it: frames of 8 bytes (stream, 0, 0, 0, length) and then
 * as many bytes as they say; without frames where the container has a terminal.
 */
export class LogFrames {
  #held: Buffer = Buffer.alloc(0);
  #isPlain = false;

  /** @returns the text of what is complete */
  push(chunk: Buffer): Buffer {
    if (this.#isPlain) return chunk;
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const parts: Buffer[] = [];
    let at = 0;
    while (this.#held.length - at >= 8) {
      if (!isFrame(this.#held, at)) {
        this.#isPlain = true;
        parts.push(this.#held.subarray(at));
        at = this.#held.length;
        break;
      }
      const end = at + 8 + this.#held.readUInt32BE(at + 4);
      // A frame is no longer than a line, and a line of a container is cut at 16 KiB.
      if (end - at > LONGEST_FRAME) throw new RangeError("a frame of a log is too long");
      if (end > this.#held.length) break;
      parts.push(this.#held.subarray(at + 8, end));
      at = end;
    }
    this.#held = this.#held.subarray(at);
    return Buffer.concat(parts);
  }
}

const LONGEST_FRAME = 1024 * 1024;

function isFrame(bytes: Buffer, at: number): boolean {
  return (bytes[at] as number) <= 2 && bytes.readUIntBE(at + 1, 3) === 0;
}

/** Whole lines of a stream of bytes, each of at most so many characters. */
export class Lines {
  #rest = "";
  readonly #decoder = new TextDecoder();

  constructor(private readonly longest = 16_384) {}

  push(bytes: Buffer): string[] {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, this.longest);
    return lines.map((line) => line.replace(/\r$/, "").slice(0, this.longest));
  }

  /** What came without an end of line. */
  end(): string[] {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = "";
    return rest === "" ? [] : [rest];
  }
}
