/**
 * A worker's life (protocol §6).
 *
 *   connecting   a connection is opened and logs in; refused or lost, it is tried again after a pause
 *   attached     the master has taken it in; it runs commands, and both ends see that the other lives
 *   draining     it asked for no more builds; the master tells it to go when the last has ended
 *   ended        for good: told to go, drained while nobody was there, stopped, out of attempts, or too
 *                long without a master
 *
 * Losing the connection ends every command that has no key (`domain/wire/keep.ts`): the master has given
 * the build up by then. Those with a key go on for as long as it may be thought that somebody comes back
 * for them. A refused name or password never ends the worker, since it may be the master that is put right.
 */
import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import type { Environment } from "../process/environment";
import { outputPipes } from "../process/pipes";
import type { Connection, Credentials, Transport, WorkerHost } from "../transports/transport";
import { BackOff } from "./back-off";
import { BuilderSlots } from "./builder-slots";
import { FreeCommands } from "./free-commands";
import { KeptCommands, type KeptStart } from "./kept-commands";
import { workerInfo } from "./worker-info";

export interface WorkerOptions {
  readonly basedir: string;
  readonly credentials: Credentials;
  /** Opens a socket to the master; it need not be connected yet. Rejects when there is no way. */
  readonly dial: (signal: AbortSignal) => Promise<Duplex>;
  readonly transport: Transport;
  /** What builds see of the worker's own environment. */
  readonly environ: Environment;
  readonly deleteLeftoverDirs: boolean;
  readonly numcpus: number | null;
  /** Seconds between our keepalives; 0 for none. */
  readonly keepaliveSeconds: number;
  /** Longest pause between two attempts, in seconds. */
  readonly maxDelaySeconds: number;
  /** Failed attempts in a row after which the worker ends; null or 0 never. */
  readonly maxRetries: number | null;
  /** So long without being taken in, in seconds, and the worker ends, whatever it runs; 0 never. */
  readonly giveUpSeconds: number;
  /** Output kept of each command for a connection that comes back, in bytes; 0 for nothing. */
  readonly keptOutputBytes: number;
  /** How long commands go on without any connection, in seconds. */
  readonly keptSeconds: number;
  readonly random: () => number;
  readonly log: (line: string) => void;
}

export type WorkerEnd = "told to go" | "drained" | "stopped" | "out of attempts" | "no master";

const KEEPALIVE_TIMEOUT_MS = 60_000;
const LOGIN_TIMEOUT_MS = 60_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Leaves the answer to `shutdown` time to reach the master. */
const GOODBYE_MS = 200;

export class Worker {
  /** Settles once, when the worker is done for good and all its commands are gone. */
  readonly ended: Promise<WorkerEnd>;
  readonly #options: WorkerOptions;
  readonly #slots: BuilderSlots;
  readonly #free: FreeCommands;
  readonly #kept: KeptCommands;
  /** Of this process: whoever has it not kept nothing that we know of. */
  readonly #mark = randomUUID();
  readonly #backOff: BackOff;
  readonly #over = new AbortController();
  #connection: Connection | null = null;
  #isAttached = false;
  #isDraining = false;
  #end: WorkerEnd | null = null;
  #wake: () => void = () => {};
  #timers = new Set<NodeJS.Timeout>();
  #givingUp: NodeJS.Timeout | null = null;
  #loneliness: NodeJS.Timeout | null = null;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { basedir, keptOutputBytes } = options;
    this.#kept = new KeptCommands({ directory: basedir, maxBytes: keptOutputBytes });
    this.#slots = new BuilderSlots({
      ...options,
      onDropped: (builder) => this.#kept.forget(builder, "the builder is gone"),
    });
    this.#free = new FreeCommands(options);
    const longestMs = options.maxDelaySeconds * 1000;
    this.#backOff = new BackOff({ longestMs, random: options.random });
    // The first command finds its pipes made.
    void outputPipes.fill();
    this.#endIfAlone();
    this.ended = this.#live();
  }

  get isAttached(): boolean {
    return this.#isAttached;
  }

  /** Asks the master for no more builds. Without a master, the worker ends at once. */
  drain(): void {
    const connection = this.#connection;
    if (connection === null || !this.#isAttached) {
      // One that is just letting us in, or comes back for what is kept, is asked then.
      this.#isDraining = connection !== null || !this.#kept.isEmpty;
      if (!this.#isDraining) this.#finish("drained");
      return;
    }
    this.#options.log("asking the master for no more builds");
    this.#isDraining = true;
    connection.askToDrain().catch((error: Error) =>
      // A master that went away has not refused; by then that is known.
      setImmediate(() => {
        if (this.#connection !== connection) return;
        this.#options.log(`it cannot be asked: ${error.message}`);
        this.#isDraining = false;
      }),
    );
  }

  /** Ends the worker; running commands are killed. */
  stop(): void {
    this.#finish("stopped");
  }

  async #live(): Promise<WorkerEnd> {
    for (let failures = 0; this.#end === null; ) {
      const wasAttached = await this.#connectOnce();
      failures = wasAttached ? 0 : failures + 1;
      if (wasAttached) this.#backOff.reset();
      if (this.#end !== null) break;
      const { maxRetries } = this.#options;
      if (maxRetries && failures >= maxRetries) this.#end = "out of attempts";
      else await this.#pause();
    }
    await Promise.all([this.#kept.end("the worker ends"), this.#abandon()]);
    return this.#end ?? "stopped";
  }

  /** One connection from its start to its end; tells whether the master took us in. */
  async #connectOnce(): Promise<boolean> {
    const { log, credentials, dial, transport } = this.#options;
    let socket: Duplex;
    try {
      socket = await dial(this.#over.signal);
    } catch (error) {
      if (this.#end === null) log(`not connected: ${(error as Error).message}`);
      return false;
    }
    const connection = transport(socket, credentials, this.#host());
    this.#connection = connection;
    if (this.#end !== null) connection.close(this.#end);
    const login = this.#after(LOGIN_TIMEOUT_MS, () => connection.close("the login took too long"));
    const wasAttached = await connection.attached;
    this.#cancel(login);
    if (wasAttached) {
      this.#isAttached = true;
      log("attached: the master took this worker in");
      this.#keepAlive(connection);
      if (this.#loneliness !== null) this.#cancel(this.#loneliness);
      this.#loneliness = null;
      if (this.#givingUp !== null) this.#cancel(this.#givingUp);
      this.#givingUp = null;
      if (this.#isDraining) this.drain();
    }
    const reason = await connection.closed;
    this.#isAttached = false;
    this.#connection = null;
    if (this.#end === null) log(`not connected: ${reason.message}`);
    this.#kept.detach();
    this.#endIfAlone();
    // Nothing is left to wait for.
    if (this.#isDraining && this.#kept.isEmpty) this.#finish("drained");
    this.#giveUpLater();
    await this.#abandon();
    return wasAttached;
  }

  async #abandon(): Promise<void> {
    await Promise.all([this.#slots.abandon(), this.#free.abandon()]);
  }

  /** For machines made on demand: one whose master is gone must not run for ever. */
  #endIfAlone(): void {
    const { log, giveUpSeconds } = this.#options;
    if (this.#end !== null || giveUpSeconds === 0 || this.#loneliness !== null) return;
    this.#loneliness = this.#after(Math.min(giveUpSeconds * 1000, LONGEST_TIMER_MS), () => {
      log(`not taken in by a master for ${giveUpSeconds} s: giving up`);
      this.#finish("no master");
    });
  }

  /** Nobody may ever come back for what is kept. */
  #giveUpLater(): void {
    if (this.#end !== null || this.#kept.isEmpty || this.#givingUp !== null) return;
    const { log, keptSeconds } = this.#options;
    log("not connected: what runs goes on, and what it says is kept");
    this.#givingUp = this.#after(Math.min(keptSeconds * 1000, LONGEST_TIMER_MS), () => {
      this.#givingUp = null;
      log(`no connection for ${keptSeconds} s: what was kept is given up`);
      this.#kept.keepOnly(new Set(), `no connection for ${keptSeconds} s`);
      if (this.#isDraining) this.#finish("drained");
    });
  }

  #host(): WorkerHost {
    const { log, keptOutputBytes } = this.#options;
    const mark = keptOutputBytes > 0 ? this.#mark : null;
    return {
      describe: () => workerInfo({ ...this.#options, mark }),
      serve: (builders) => this.#slots.serve(builders),
      start: (builder, id, command, channel) => {
        if (builder === null) {
          this.#free.start(id, command, channel);
          return;
        }
        const slot = this.#slots.get(builder);
        if (slot === undefined) throw new Error(`no builder ${builder} here`);
        this.#kept.forget(builder, "another command was started");
        void slot.start(id, command, channel);
      },
      keep: (builder, id, command, channel, key) => {
        const slot = this.#slots.get(builder);
        const launch: KeptStart["launch"] = (own, way) => {
          const runner = slot ?? this.#free;
          void runner.start(own, command, way, { isKept: true });
          return (why) => runner.interrupt(own, why);
        };
        return this.#kept.start({ builder, id, key, command, channel, launch });
      },
      keepOnly: (builders) =>
        this.#kept.keepOnly(new Set(builders), "its build is over for the master"),
      interrupt: (builder, id, why) => {
        if (this.#kept.interrupt(id, why)) return;
        if (builder === null) this.#free.interrupt(id, why);
        else this.#slots.get(builder)?.interrupt(id, why);
      },
      shutdown: () => {
        log("the master has no more use for this worker");
        this.#after(GOODBYE_MS, () => this.#finish("told to go"));
      },
      said: (text) => {
        if (text !== "ping" && text !== "keepalive") log(`master: ${text}`);
      },
    };
  }

  #keepAlive(connection: Connection): void {
    const { keepaliveSeconds } = this.#options;
    if (keepaliveSeconds <= 0) return;
    const beat = () => {
      const timer = this.#after(keepaliveSeconds * 1000, async () => {
        if (await connection.keepAlive(KEEPALIVE_TIMEOUT_MS)) beat();
        else connection.close("the master does not answer");
      });
      void connection.closed.then(() => this.#cancel(timer));
    };
    beat();
  }

  #pause(): Promise<void> {
    const delayMs = this.#backOff.next(!this.#kept.isEmpty);
    this.#options.log(`next attempt in ${(delayMs / 1000).toFixed(1)} s`);
    return new Promise((resolve) => {
      const timer = this.#after(delayMs, resolve);
      this.#wake = () => {
        this.#cancel(timer);
        resolve();
      };
    });
  }

  #finish(end: WorkerEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#over.abort();
    this.#connection?.leave(end);
    this.#wake();
  }

  #after(delayMs: number, work: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, delayMs);
    this.#timers.add(timer);
    return timer;
  }

  #cancel(timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.#timers.delete(timer);
  }
}
