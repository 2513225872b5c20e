/**
 * Real pipes for the output of commands.
 *
 * Node gives a child sockets in place of pipes, and a socket cannot be opened by its name: a script
 * that says `> /dev/stderr` or `tee /dev/stdout` would fail. Node cannot make a pipe either, so the
 * system's `mkfifo` makes some in advance; each is opened at both ends and its name removed at once.
 * Where there is no `mkfifo`, commands get Node's sockets.
 */
import { execFile } from "node:child_process";
import { closeSync, constants, openSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** Two for each command; a few commands may start at once. */
const MADE_AT_ONCE = 64;
const FEW = 16;

interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
}

export interface OutputPipe {
  readonly stream: Socket;
  /** For the child; closed here as soon as it has it. */
  readonly writeEnd: number;
}

class PipePool {
  readonly #ready: Pipe[] = [];
  #filling: Promise<void> | null = null;
  #cannotMake = false;

  /** `count` pipes, or null where none can be made. */
  async take(count: number): Promise<OutputPipe[] | null> {
    if (this.#ready.length < count) await this.fill();
    if (this.#ready.length < count) return null;
    const taken = this.#ready.splice(0, count);
    if (this.#ready.length < FEW) void this.fill();
    return taken.map(({ readEnd, writeEnd }) => ({
      stream: new Socket({ fd: readEnd, readable: true, writable: false }),
      writeEnd,
    }));
  }

  /** Makes some more; never rejects. */
  fill(): Promise<void> {
    if (this.#cannotMake) return Promise.resolve();
    this.#filling ??= this.#make()
      .catch(() => {
        this.#cannotMake = true;
      })
      .finally(() => {
        this.#filling = null;
      });
    return this.#filling;
  }

  async #make(): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), "slipway-pipes-"));
    const atExit = () => rmSync(directory, { recursive: true, force: true });
    process.once("exit", atExit);
    try {
      const paths = Array.from({ length: MADE_AT_ONCE }, (_, index) => join(directory, `${index}`));
      await promisify(execFile)("mkfifo", ["-m", "600", ...paths]);
      for (const path of paths) this.#ready.push(openBothEnds(path));
    } finally {
      process.off("exit", atExit);
      atExit();
    }
  }
}

export const outputPipes = new PipePool();

function openBothEnds(path: string): Pipe {
  // Without O_NONBLOCK this would wait for a writer. The writer's end blocks, as programs expect.
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return { readEnd, writeEnd: openSync(path, constants.O_WRONLY) };
  } catch (error) {
    closeSync(readEnd);
    throw error;
  }
}
