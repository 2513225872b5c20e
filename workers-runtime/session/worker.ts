/**
 * A worker's life (protocol §6).
 *
 *   connecting   a connection is opened and logs in; refused or lost, it is tried again after a pause
 *   attached     the master has taken it in; it runs commands, and both ends see that the other lives
 *   draining     it asked for no more builds; the master tells it to go when the last has ended
 *   ended        for good: told to go, drained while nobody was there, stopped, or out of attempts
 *
 * Losing the connection ends every command: the master has given the build up by then. A refused name
 * or password never ends the worker, since it may be the master that is put right.
 */
import type { Duplex } from "node:stream";
import type { Environment } from "../process/environment";
import { outputPipes } from "../process/pipes";
import type { Connection, Credentials, Transport, WorkerHost } from "../transports/transport";
import { BackOff } from "./back-off";
import { BuilderSlots } from "./builder-slots";
import { FreeCommands } from "./free-commands";
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
  readonly random: () => number;
  readonly log: (line: string) => void;
}

export type WorkerEnd = "told to go" | "drained" | "stopped" | "out of attempts";

const KEEPALIVE_TIMEOUT_MS = 60_000;
const LOGIN_TIMEOUT_MS = 60_000;
/** Leaves the answer to `shutdown` time to reach the master. */
const GOODBYE_MS = 200;

export class Worker {
  /** Settles once, when the worker is done for good and all its commands are gone. */
  readonly ended: Promise<WorkerEnd>;
  readonly #options: WorkerOptions;
  readonly #slots: BuilderSlots;
  readonly #free: FreeCommands;
  readonly #backOff: BackOff;
  readonly #over = new AbortController();
  #connection: Connection | null = null;
  #isAttached = false;
  #isDraining = false;
  #end: WorkerEnd | null = null;
  #wake: () => void = () => {};
  #timers = new Set<NodeJS.Timeout>();

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#slots = new BuilderSlots(options);
    this.#free = new FreeCommands(options);
    const longestMs = options.maxDelaySeconds * 1000;
    this.#backOff = new BackOff({ longestMs, random: options.random });
    // The first command finds its pipes made.
    void outputPipes.fill();
    this.ended = this.#live();
  }

  get isAttached(): boolean {
    return this.#isAttached;
  }

  /** Asks the master for no more builds. Without a master, the worker ends at once. */
  drain(): void {
    const connection = this.#connection;
    if (connection === null || !this.#isAttached) {
      this.#finish("drained");
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
    await this.#abandon();
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
    }
    const reason = await connection.closed;
    this.#isAttached = false;
    this.#connection = null;
    if (this.#end === null) log(`not connected: ${reason.message}`);
    // Nothing is left to wait for.
    if (this.#isDraining) this.#finish("drained");
    await this.#abandon();
    return wasAttached;
  }

  async #abandon(): Promise<void> {
    await Promise.all([this.#slots.abandon(), this.#free.abandon()]);
  }

  #host(): WorkerHost {
    const { log } = this.#options;
    return {
      describe: () => workerInfo(this.#options),
      serve: (builders) => this.#slots.serve(builders),
      start: (builder, id, command, channel) => {
        if (builder === null) {
          this.#free.start(id, command, channel);
          return;
        }
        const slot = this.#slots.get(builder);
        if (slot === undefined) throw new Error(`no builder ${builder} here`);
        void slot.start(id, command, channel);
      },
      interrupt: (builder, id, why) => {
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
    const delayMs = this.#backOff.next();
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
    this.#connection?.close(end);
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
