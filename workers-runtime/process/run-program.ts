/**
 * One program of a command, from its start to its last output (protocol §5.2).
 *
 *   running    output goes to the batch line by line; limits are watched
 *   killing    an interrupt or a limit set the kill ladder going
 *   over       the program ended and all of its output was read; or nobody waits any longer
 *
 * While the connection is behind, the program's output is not read: it then waits in its own write,
 * and this process does not grow.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import { LineSplitter } from "../output/line-splitter";
import type { UpdateBatch } from "../output/update-batch";
import { enterGroup, leaveGroup } from "./groups";
import { KillLadder } from "./kill-ladder";
import { type Limits, LimitWatch } from "./limits";
import { outputPipes } from "./pipes";
import type { Invocation } from "./pseudo-terminal";
import { WatchedLog } from "./watched-log";

export interface ProgramOrder extends Invocation {
  readonly workdir: string;
  /** The command as the headers of a kill show it. */
  readonly shown: string;
  readonly wantStdout: boolean;
  readonly wantStderr: boolean;
  readonly stdin: string | null;
  readonly limits: Limits;
  readonly sigtermTimeSeconds: number | null;
  readonly interruptSignal: string;
  readonly logFiles: readonly {
    readonly name: string;
    readonly path: string;
    readonly follow: boolean;
  }[];
}

export interface ProgramEnd {
  /** Exit status; -1 when it was killed. */
  readonly rc: number;
  readonly signal: number | null;
  /** It did not go away when it was killed. */
  readonly isGivenUp: boolean;
}

/** Runs a program. Problems with starting it are told on stderr, and end it with status 1. */
export async function runProgram(
  order: ProgramOrder,
  batch: UpdateBatch,
  stop: AbortSignal,
): Promise<ProgramEnd> {
  return new RunningProgram(order, batch, stop).run();
}

class RunningProgram {
  readonly #order: ProgramOrder;
  readonly #batch: UpdateBatch;
  readonly #stop: AbortSignal;
  readonly #streams: Readable[] = [];
  #ends: Promise<void>[] = [];
  #limits: LimitWatch | null = null;
  #ladder: KillLadder | null = null;
  #isKilled = false;
  #isPaused = false;

  constructor(order: ProgramOrder, batch: UpdateBatch, stop: AbortSignal) {
    this.#order = order;
    this.#batch = batch;
    this.#stop = stop;
  }

  async run(): Promise<ProgramEnd> {
    const logs = this.#order.logFiles.map(
      ({ name, path, follow }) =>
        new WatchedLog({ path, follow, onLines: (lines) => this.#logLines(name, lines) }),
    );
    await Promise.all(logs.map((log) => log.start()));
    const end = await this.#runChild();
    await Promise.all(logs.map((log) => log.end()));
    return end;
  }

  async #runChild(): Promise<ProgramEnd> {
    const pipes = await outputPipes.take(2);
    let child: ChildProcess;
    try {
      child = this.#spawn(pipes?.map(({ writeEnd }) => writeEnd) ?? ["pipe", "pipe"]);
      if (pipes !== null) this.#readAll(pipes.map(({ stream }) => stream));
      else this.#readAll([child.stdout as Readable, child.stderr as Readable]);
      await once(child, "spawn");
    } catch (error) {
      for (const { stream } of pipes ?? []) stream.destroy();
      return this.#notStarted(error as NodeJS.ErrnoException);
    } finally {
      // Only the command's copies are left, so that its end is the end of the stream.
      for (const { writeEnd } of pipes ?? []) closeSync(writeEnd);
    }
    const group = child.pid as number;
    enterGroup(group);
    const givenUp = new Promise<"given up">((resolve) => {
      const { sigtermTimeSeconds, interruptSignal } = this.#order;
      const onGivenUp = () => resolve("given up");
      this.#ladder = new KillLadder({ group, sigtermTimeSeconds, interruptSignal, onGivenUp });
    });
    this.#limits = new LimitWatch(this.#order.limits, (reason, words) => {
      this.#batch.value({ key: "failure_reason", value: reason });
      this.#kill(`${words} running ${this.#order.shown}`);
    });
    const interrupt = () => this.#kill("command interrupted");
    this.#stop.addEventListener("abort", interrupt);
    if (this.#stop.aborted) interrupt();

    const ended = Promise.all([exitOf(child), ...this.#ends]);
    const outcome = await Promise.race([ended, givenUp]);

    this.#stop.removeEventListener("abort", interrupt);
    this.#limits.end();
    this.#ladder?.cancel();
    leaveGroup(group);
    if (outcome === "given up") return this.#giveUp(child);
    const [{ code, signal }] = outcome;
    const rc = signal !== null || (this.#isKilled && code === 0) ? -1 : (code ?? -1);
    return { rc, signal, isGivenUp: false };
  }

  #spawn(outputs: readonly ("pipe" | number)[]): ChildProcess {
    const { argv, env, workdir, stdin } = this.#order;
    const [program = "", ...args] = argv;
    const child = spawn(program, args, {
      cwd: workdir,
      // The framework's types want NODE_ENV in every environment.
      env: env as NodeJS.ProcessEnv,
      // A session of its own, so that it leads a process group and has no terminal of ours.
      detached: true,
      stdio: [stdin === null ? "ignore" : "pipe", ...outputs],
    });
    child.on("error", () => {});
    if (child.stdin !== null) {
      // A program that does not read its input is free to.
      child.stdin.on("error", () => {});
      child.stdin.end(stdin);
    }
    return child;
  }

  #readAll(streams: readonly Readable[]): void {
    const { wantStdout, wantStderr } = this.#order;
    this.#streams.push(...streams);
    this.#ends = [
      this.#read(streams[0] as Readable, "stdout", wantStdout),
      this.#read(streams[1] as Readable, "stderr", wantStderr),
    ];
  }

  /** Resolves when the stream was read to its end. */
  #read(stream: Readable, name: "stdout" | "stderr", isWanted: boolean): Promise<void> {
    const splitter = new LineSplitter();
    const take = (lines: Buffer | null) => {
      if (lines === null) return;
      this.#limits?.output(lines);
      if (isWanted) this.#batch.text(name, lines);
    };
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => {
      take(splitter.push(chunk));
      if (this.#batch.isFull) this.#pause();
    });
    return new Promise((resolve) => {
      stream.once("close", () => {
        take(splitter.end());
        resolve();
      });
    });
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#limits?.hold(true);
    for (const stream of this.#streams) stream.pause();
    this.#batch.onRoom(() => {
      this.#isPaused = false;
      this.#limits?.hold(false);
      for (const stream of this.#streams) stream.resume();
    });
  }

  async #logLines(name: string, lines: Buffer): Promise<void> {
    this.#limits?.output(lines);
    this.#batch.log(name, lines);
    if (this.#batch.isFull) {
      await new Promise<void>((resolve) => this.#batch.onRoom(resolve));
    }
  }

  #kill(why: string): void {
    if (this.#isKilled) return;
    this.#isKilled = true;
    this.#limits?.end();
    this.#batch.text("header", `\n${why}, attempting to kill\n`);
    this.#ladder?.climb();
  }

  #giveUp(child: ChildProcess): ProgramEnd {
    this.#batch.text("header", "SIGKILL failed to kill process\nusing fake rc=-1\n");
    for (const stream of this.#streams) stream.destroy();
    child.unref();
    return { rc: -1, signal: null, isGivenUp: true };
  }

  #notStarted(error: NodeJS.ErrnoException): ProgramEnd {
    const reason = error.code === "ENOENT" ? "no such program" : error.message;
    this.#batch.text("stderr", `cannot start ${this.#order.argv[0]}: ${reason}\n`);
    return { rc: 1, signal: null, isGivenUp: false };
  }
}

function exitOf(
  child: ChildProcess,
): Promise<{ readonly code: number | null; readonly signal: number | null }> {
  return new Promise((resolve) => {
    child.once("exit", (code, name) =>
      resolve({ code, signal: name === null ? null : constants.signals[name] }),
    );
  });
}
