/**
 * A worker that exists in memory only, and its session as the fleet sees it.
 *
 * A test steers it: what it says of itself, what each command does, whether it answers pings, and
 * when it goes away. `closed` settles once, and every running command then ends as lost.
 */
import type { BuilderRef, Command, CommandEnd, CommandSink, WorkerFacts } from "../../domain/wire";
import type { Admission, CloseReason, Hello, Keeping, WorkerSession } from "../contract";
import { SessionLost } from "../contract";
import type { Behaviour } from "./script";
import { completed, scripted } from "./script";

export interface NullWorkerOptions {
  readonly name: string;
  readonly password: string;
  readonly facts?: Partial<WorkerFacts>;
  /** What a command does; default: ends at once with rc 0. */
  readonly behaviour?: Behaviour;
  /** `describe` and `serve` answer when this settles; default: at once. */
  readonly ready?: Promise<unknown>;
  readonly address?: string;
  /** Lines for its own log. */
  readonly heard?: (line: string) => void;
}

const DEFAULT_FACTS: WorkerFacts = {
  version: "null",
  system: "posix",
  basedir: "/null",
  numcpus: 1,
  workerCommands: { shell: "3.3" },
  environ: {},
  info: {},
  keeps: null,
};

/** Exactly one of the two ends of a connection in memory; tests hold it, the fleet its session. */
export class NullWorker implements WorkerSession {
  readonly closed: Promise<CloseReason>;
  lastHeardAt: number;

  /** Steering and looking: what the worker does next, and what was asked of it. */
  behaviour: Behaviour;
  answersPings = true;
  builders: readonly BuilderRef[] = [];
  /** As last told; undefined: never. None are sent. */
  keepaliveSeconds: number | null | undefined = undefined;
  readonly commands: { readonly builder: string; readonly command: Command }[] = [];
  /** What it was told with `keepOnly`. */
  readonly keptOnly: (readonly string[])[] = [];
  /** How often the worker was asked to exit; it does so unless told otherwise. */
  shutdownRequests = 0;
  exitsOnShutdown = true;

  readonly #facts: WorkerFacts;
  readonly #ready: Promise<unknown>;
  readonly #now: () => number;
  readonly #busy = new Set<string>();
  readonly #gone = new AbortController();
  #reason: CloseReason | null = null;
  #settleClosed: (reason: CloseReason) => void = () => {};
  readonly #heardOf: ((line: string) => void) | undefined;
  #admission: Admission | null = null;

  constructor(
    readonly hello: Hello,
    options: NullWorkerOptions,
    now: () => number,
  ) {
    this.#facts = { ...DEFAULT_FACTS, ...options.facts };
    this.#heardOf = options.heard;
    this.#ready = options.ready ?? Promise.resolve();
    this.#now = now;
    this.behaviour = options.behaviour ?? scripted();
    this.lastHeardAt = now();
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  /** Told by the protocol once the door has decided. */
  attached(admission: Admission): void {
    this.#admission = admission;
  }

  /** The worker asks to be drained. */
  requestDrain(): void {
    if (this.#admission?.admitted) this.#admission.onDrainRequested();
  }

  /** The worker's machine dies. */
  lose(message = "the worker was lost"): void {
    this.close({ code: "peer-reset", message });
  }

  async describe(): Promise<WorkerFacts> {
    await this.#answered();
    return this.#facts;
  }

  async serve(builders: readonly BuilderRef[]): Promise<void> {
    await this.#answered();
    this.builders = [...builders];
  }

  async ping(timeoutMs: number): Promise<boolean> {
    if (this.#reason !== null) return false;
    if (this.answersPings) {
      this.#heard();
      return true;
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      void this.closed.then(() => {
        clearTimeout(timer);
        resolve(false);
      });
    });
  }

  say(message: string): void {
    this.#heardOf?.(message);
  }

  keepAliveEvery(seconds: number | null): void {
    this.keepaliveSeconds = seconds;
  }

  async run(
    builder: string,
    command: Command,
    sink: CommandSink,
    stop: AbortSignal,
    keep?: Keeping,
  ): Promise<CommandEnd> {
    if (this.#reason !== null) return lost(this.#reason.message);
    if (!this.builders.some((served) => served.name === builder)) {
      return { kind: "failed", message: `the worker does not serve builder ${builder}` };
    }
    if (this.#busy.has(builder)) {
      return { kind: "failed", message: `builder ${builder} is already running a command` };
    }
    if (stop.aborted) return completed(-1);
    this.#busy.add(builder);
    this.commands.push({ builder, command });
    // What a lost worker still writes must not arrive: its connection is gone.
    const open: CommandSink = {
      output: (stream, text) => this.#whileOpen(() => sink.output(stream, text)),
      log: (name, text) => this.#whileOpen(() => sink.log(name, text)),
      stat: (value) => void this.#whileOpen(() => sink.stat?.(value)),
      files: (names) => void this.#whileOpen(() => sink.files?.(names)),
    };
    const either = AbortSignal.any([stop, this.#gone.signal]);
    try {
      const end = this.#behave({ builder, command, sink: open, stop: either, keep: keep ?? null });
      return await Promise.race([end, this.closed.then((reason) => lost(reason.message))]);
    } finally {
      this.#busy.delete(builder);
    }
  }

  keepOnly(builders: readonly string[]): void {
    this.keptOnly.push(builders);
  }

  async shutdown(): Promise<void> {
    this.shutdownRequests++;
    if (this.exitsOnShutdown) this.close({ code: "peer-closed", message: "the worker exited" });
  }

  close(reason: CloseReason): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#settleClosed(reason);
    this.#gone.abort(reason.message);
  }

  async #behave(running: Parameters<Behaviour>[0]): Promise<CommandEnd> {
    try {
      return await this.behaviour(running);
    } catch (error) {
      return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
    }
  }

  #whileOpen(tell: () => void | Promise<void>): void | Promise<void> {
    if (this.#reason !== null) return undefined;
    this.#heard();
    return tell();
  }

  async #answered(): Promise<void> {
    await Promise.race([this.#ready, this.closed]);
    if (this.#reason !== null) throw new SessionLost(this.#reason.message);
    this.#heard();
  }

  #heard(): void {
    this.lastHeardAt = this.#now();
  }
}

function lost(message: string): CommandEnd {
  return { kind: "lost", message };
}
