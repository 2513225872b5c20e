/**
 * A worker that has proven who it is: its builders and its commands (protocol §3, §6).
 *
 * The worker knows commands by their ids and nothing of builders. So what a builder runs, and where, is
 * kept here.
 */
import {
  type BuilderRef,
  type Command,
  type CommandEnd,
  type CommandSink,
  KEEP_ONLY,
  LEAVING,
  type WorkerFacts,
} from "../../domain/wire";
import {
  BUILDER_GONE,
  endOfError,
  failed,
  INTERRUPTED_BEFORE,
  LEFT,
  lost,
  whyOf,
} from "../command-ends";
import type { CloseReason, Hello, Keeping, WorkerSession } from "../contract";
import { SessionLost } from "../contract";
import { messageOf } from "../errors";
import { Heartbeat } from "../heartbeat";
import { takeAnswer } from "../keeping";
import { sameBuilders } from "../same-builders";
import { readWorkerFacts } from "../worker-facts";
import {
  asFields,
  asString,
  DRAIN_OP,
  type Fields,
  Refusal,
  type Value,
  WORKER_OPS,
} from "./codec";
import { RunningCommand } from "./command";
import { type EncodedCommand, encodeCommand } from "./command-args";
import type { MsgpackConnection } from "./connection";
import { arrangeDirectories } from "./directories";
import { hasHidden, withoutHiddenLines } from "./hidden-arguments";
import { saidOf } from "./said";
import type { MsgpackSettings } from "./settings";
import { WorkerPaths } from "./worker-paths";

/** How much of an unknown op is said back. */
const MAX_OP = 64;
const OPS: ReadonlySet<string> = new Set(WORKER_OPS);

interface ServedBuilder {
  readonly builddir: string;
  running: { readonly id: string; readonly command: RunningCommand } | null;
}

interface Worker {
  readonly paths: WorkerPaths;
  readonly removesLeftovers: boolean;
}

export class MsgpackSession implements WorkerSession {
  readonly hello: Hello;
  readonly closed: Promise<CloseReason>;
  readonly #connection: MsgpackConnection;
  readonly #settings: MsgpackSettings;
  readonly #nextCommandId: () => string;
  readonly #heartbeat: Heartbeat;
  /** Every command that the worker has not completed, those that are over for us among them. */
  readonly #commands = new Map<string, RunningCommand>();
  #builders = new Map<string, ServedBuilder>();
  #served: readonly BuilderRef[] | null = null;
  /** `serve` calls run one after the other: each looks at what the former one made. */
  #serving: Promise<unknown> = Promise.resolve();
  #worker: Worker | null = null;
  #isConfigured = false;
  #isAttached = false;
  #wantsDrain = false;
  #onDrainRequested: () => void = () => {};

  constructor(
    connection: MsgpackConnection,
    hello: Hello,
    settings: MsgpackSettings,
    nextCommandId: () => string,
  ) {
    this.#connection = connection;
    this.hello = hello;
    this.#settings = settings;
    this.#nextCommandId = nextCommandId;
    this.#heartbeat = new Heartbeat(connection, settings.now);
    this.closed = connection.closed;
    void this.closed.then((reason) => this.#lost(reason));
    connection.serve = (op, fields) => this.#answer(op, fields);
    this.#print("attached");
  }

  get lastHeardAt(): number {
    return this.#connection.lastHeardAt;
  }

  /** The fleet has taken the worker in. */
  attached(onDrainRequested: () => void): void {
    this.#isAttached = true;
    this.#onDrainRequested = onDrainRequested;
    if (this.#wantsDrain) onDrainRequested();
  }

  async describe(): Promise<WorkerFacts> {
    const said = await this.#connection.ask("get_worker_info");
    const facts = readWorkerFacts(saidOf(said));
    const removes = asFields(said)?.get("delete_leftover_dirs");
    this.#worker = {
      paths: new WorkerPaths(facts),
      removesLeftovers: removes === true || removes === 1,
    };
    return facts;
  }

  serve(builders: readonly BuilderRef[]): Promise<void> {
    const turn = this.#serving.then(() => this.#serve(builders));
    this.#serving = turn.catch(() => {});
    return turn;
  }

  async #serve(builders: readonly BuilderRef[]): Promise<void> {
    if (this.#connection.isClosed) throw new SessionLost("the connection is closed");
    if (this.#served !== null && sameBuilders(this.#served, builders)) return;
    const before = this.#builders;
    this.#builders = new Map(
      builders.map(({ name, builddir }) => {
        const old = before.get(name);
        // The very entry of before, so that a command that is running finds it again at its end.
        const isKept = old?.builddir === builddir;
        return [name, isKept ? old : { builddir, running: null }];
      }),
    );
    for (const [name, builder] of before) {
      if (this.#builders.get(name) !== builder) this.#drop(builder);
    }
    this.#served = null;
    const worker = await this.#known();
    await Promise.all([
      this.#configure(),
      arrangeDirectories(builders, {
        ...worker,
        run: (name, args, sink) =>
          this.#start({ name, args, transfer: null }, sink).command.progress.ended,
      }),
    ]);
    this.#served = [...builders];
    for (const name of this.#builders.keys()) {
      if (!before.has(name)) this.#print("attached");
    }
  }

  ping(timeoutMs: number): Promise<boolean> {
    return this.#heartbeat.answers(
      () => this.#connection.ask("print", { message: "ping" }),
      timeoutMs,
    );
  }

  async run(
    builder: string,
    command: Command,
    sink: CommandSink,
    stop: AbortSignal,
    keep?: Keeping,
  ): Promise<CommandEnd> {
    const served = this.#builders.get(builder);
    if (this.#connection.isClosed) return lost("the connection is closed");
    if (served === undefined) return failed(`the worker does not serve builder ${builder}`);
    if (served.running !== null) return failed(`builder ${builder} is already running a command`);
    if (stop.aborted) return INTERRUPTED_BEFORE;
    if (this.#worker === null) return failed("the worker has not told what it is");
    let encoded: EncodedCommand;
    try {
      encoded = encodeCommand(command, this.#worker.paths, served.builddir);
    } catch (error) {
      return failed(messageOf(error));
    }

    const hides = command.name === "shell" && hasHidden(command.args);
    const started = this.#start(encoded, hides ? withoutHiddenLines(sink) : sink, builder, keep);
    served.running = started;
    const interrupt = () => this.#interrupt(started.id, stop.reason, builder);
    const turns = encoded.transfer?.turns ?? null;
    if (turns !== null) {
      turns.onFailure = () => this.#interrupt(started.id, "the transfer failed", builder);
    }
    stop.addEventListener("abort", interrupt, { once: true });

    const end = await started.command.progress.ended;
    stop.removeEventListener("abort", interrupt);
    served.running = null;
    if (turns === null || end.kind === "lost") return end;
    // A worker that did not wait for its last answers still gets its blocks written.
    await turns.idle();
    turns.onFailure = () => {};
    return turns.failure === null ? end : failed(turns.failure);
  }

  async shutdown(): Promise<void> {
    try {
      await this.#connection.ask("shutdown");
    } catch (error) {
      // Gone before it could answer is what was asked for.
      if (!(error instanceof SessionLost)) throw error;
    }
  }

  keepOnly(builders: readonly string[]): void {
    this.#connection.ask(KEEP_ONLY.msgpack, { builders: [...builders] }).catch(() => {});
  }

  close(reason: CloseReason): void {
    this.#connection.close(reason);
  }

  keepAliveEvery(seconds: number | null): void {
    const ask = () => this.#connection.ask("keepalive");
    this.#heartbeat.every(seconds, ask, this.#settings.keepaliveTimeoutMs);
  }

  /** Sends a command; without a builder it is one of our own. */
  #start(encoded: EncodedCommand, sink: CommandSink, builder?: string, keep?: Keeping) {
    const connection = this.#connection;
    const id = this.#nextCommandId();
    const command = new RunningCommand(sink, encoded.transfer, (work) => connection.hold(work));
    // Known before it is sent: a quick command completes before its start is answered.
    this.#commands.set(id, command);
    connection
      .ask("start_command", {
        builder_name: builder,
        command_id: id,
        command_name: encoded.name,
        args: encoded.args,
        // A field more, for a worker that has said that it takes it.
        keep: keep && [keep.key.step, keep.key.ordinal],
      })
      .then(
        (answer) => {
          if (keep) takeAnswer(asString(answer), keep, command.progress);
          // The worker's kernel holds the first output until this packet acknowledges the answer.
          if (this.#settings.nudges && !command.progress.isOver) connection.nudge();
        },
        (error: unknown) => {
          this.#commands.delete(id);
          command.progress.end(endOfError(error));
        },
      );
    return { id, command };
  }

  #answer(op: string, fields: Fields): Value | Promise<Value> {
    if (op === DRAIN_OP) {
      // It may be asked for as soon as the worker is told its settings, before the fleet has taken it in.
      this.#wantsDrain = true;
      if (this.#isAttached) this.#onDrainRequested();
      return null;
    }
    if (op === LEAVING) {
      this.close(LEFT);
      return null;
    }
    if (!OPS.has(op)) throw new Error(Refusal.unknownOp(op.slice(0, MAX_OP)));
    const id = asString(fields.get("command_id")) ?? "";
    const command = this.#commands.get(id);
    if (command === undefined) {
      throw new Error(this.#isAttached ? Refusal.unknownCommandId : Refusal.notAuthenticated);
    }
    if (op === "complete") this.#commands.delete(id);
    return command.serve(op, fields);
  }

  /** The worker would let the command of a dropped builder run on. */
  #drop({ running }: ServedBuilder): void {
    if (running === null) return;
    this.#interrupt(running.id, BUILDER_GONE);
    running.command.progress.end(lost(BUILDER_GONE));
  }

  #lost(reason: CloseReason): void {
    this.#heartbeat.stop();
    for (const command of this.#commands.values()) command.progress.end(lost(reason.message));
    this.#commands.clear();
  }

  #interrupt(id: string, reason: unknown, builder?: string): void {
    if (this.#connection.isClosed) return;
    // Answered at once and always the same way; the command's own end is what counts.
    this.#connection
      .ask("interrupt_command", { builder_name: builder, command_id: id, why: whyOf(reason) })
      .catch(() => {});
  }

  async #known(): Promise<Worker> {
    if (this.#worker === null) await this.describe();
    return this.#worker as Worker;
  }

  async #configure(): Promise<void> {
    if (this.#isConfigured) return;
    await this.#connection.ask("set_worker_settings", { args: { ...this.#settings.worker } });
    this.#isConfigured = true;
  }

  say(message: string): void {
    this.#print(message);
  }

  #print(message: string): void {
    this.#connection.ask("print", { message }).catch(() => {});
  }
}
