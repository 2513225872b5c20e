/**
 * A worker that has proven who it is: its bot, its builders and its commands (protocol §2.8, §6).
 *
 * The worker's builder objects are counted (§2.5): each answer to `setBuilderList` counts every one
 * of them again, so each new answer lets go of the counts of the former one.
 */
import {
  type BuilderRef,
  type Command,
  type CommandEnd,
  type CommandSink,
  KEEP_ONLY,
  type WorkerFacts,
} from "../../domain/wire";
import { BUILDER_GONE, endOfError, failed, INTERRUPTED_BEFORE, lost, whyOf } from "../command-ends";
import type { CloseReason, Hello, Keeping, WorkerSession } from "../contract";
import { SessionLost } from "../contract";
import { Heartbeat } from "../heartbeat";
import { takeAnswer } from "../keeping";
import { sameBuilders } from "../same-builders";
import { readWorkerFacts } from "../worker-facts";
import type { Jelly } from "./codec";
import { asString, Dictionary, FailureType, Remote, Tuple } from "./codec";
import { endedCommand, RunningCommand } from "./command";
import { encodeArgs } from "./command-args";
import type { BrokerConnection } from "./connection";
import { RemoteFailure } from "./errors";
import { saidOf } from "./said";
import type { PbSettings } from "./settings";

interface ServedBuilder {
  /** The worker's number of the builder object. */
  readonly object: number;
  running: RunningCommand | null;
}

export class PbSession implements WorkerSession {
  readonly hello: Hello;
  readonly closed: Promise<CloseReason>;
  readonly #connection: BrokerConnection;
  /** The worker's number of its bot. */
  readonly #bot: number;
  readonly #settings: PbSettings;
  readonly #nextCommandId: () => string;
  #builders = new Map<string, ServedBuilder>();
  #served: readonly BuilderRef[] | null = null;
  /** `serve` calls run one after the other: an answer belongs to one list. */
  #serving: Promise<unknown> = Promise.resolve();
  readonly #heartbeat: Heartbeat;

  constructor(
    connection: BrokerConnection,
    hello: Hello,
    bot: number,
    settings: PbSettings,
    nextCommandId: () => string,
  ) {
    this.#connection = connection;
    this.hello = hello;
    this.#bot = bot;
    this.#settings = settings;
    this.#nextCommandId = nextCommandId;
    this.#heartbeat = new Heartbeat(connection, settings.now);
    this.closed = connection.closed;
    void this.closed.then((reason) => this.#lost(reason));
    this.#print("attached");
  }

  get lastHeardAt(): number {
    return this.#connection.lastHeardAt;
  }

  async describe(): Promise<WorkerFacts> {
    try {
      return readWorkerFacts(saidOf(await this.#ask("getWorkerInfo", [])));
    } catch (error) {
      if (!isUnknownMethod(error)) throw error;
    }
    const [info, commands, version] = await Promise.all([
      this.#askIfKnown("getSlaveInfo"),
      this.#askIfKnown("getCommands"),
      this.#askIfKnown("getVersion"),
    ]);
    return readWorkerFacts(saidOf(info, { commands, version }));
  }

  serve(builders: readonly BuilderRef[]): Promise<void> {
    const turn = this.#serving.then(() => this.#serve(builders));
    this.#serving = turn.catch(() => {});
    return turn;
  }

  async #serve(builders: readonly BuilderRef[]): Promise<void> {
    if (this.#served !== null && sameBuilders(this.#served, builders)) return;
    const list = builders.map((builder) => new Tuple(builder.name, builder.builddir));
    const answer = await this.#ask("setBuilderList", [list]);
    const before = this.#builders;
    this.#builders = readBuilders(answer, builders, before);
    this.#served = [...builders];
    for (const [name, builder] of before) {
      this.#connection.decref(builder.object);
      const now = this.#builders.get(name);
      // A worker kills the command of a dropped builder without a word (protocol §6.3).
      if (now?.object !== builder.object) builder.running?.progress.end(lost(BUILDER_GONE));
    }
    for (const name of this.#builders.keys()) {
      if (!before.has(name)) this.#print("attached");
    }
  }

  ping(timeoutMs: number): Promise<boolean> {
    return this.#heartbeat.answers(() => this.#ask("print", [], printed("ping")), timeoutMs);
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

    const connection = this.#connection;
    const { objects } = connection;
    const running = new RunningCommand(sink, (work) => connection.hold(work));
    served.running = running;
    // Registered before it is sent: a quick command completes before its start is answered.
    const number = objects.expose(running);
    const { args, transfer } = encodeArgs(command, (object) => objects.expose(object));
    const id = this.#nextCommandId();
    const interrupt = () => this.#interrupt(served, id, stop.reason);
    if (transfer !== null) {
      transfer.object.turns.onFailure = () => this.#interrupt(served, id, "the transfer failed");
    }

    // An argument more, for a worker that has said that it takes it.
    const key = keep ? [[keep.key.step, keep.key.ordinal]] : [];
    connection
      .call(served.object, "startCommand", [new Remote(number), id, command.name, args, ...key])
      .then(
        (answer) => {
          if (keep) takeAnswer(asString(answer), keep, running.progress);
          // The worker's kernel holds the first output until this packet acknowledges the answer.
          // Being the start of a build too, it needs no reply; what it means, it has no effect.
          if (this.#settings.nudges && served.running === running && !connection.isClosed) {
            connection.tell(served.object, "startBuild", []);
          }
        },
        (error: unknown) => running.progress.end(endOfError(error)),
      );
    stop.addEventListener("abort", interrupt, { once: true });

    let end = await running.progress.ended;
    stop.removeEventListener("abort", interrupt);
    served.running = null;
    objects.end(number, endedCommand);
    if (transfer !== null) {
      // A worker that did not wait for its last answers still gets its blocks written.
      if (end.kind !== "lost") await transfer.object.turns.idle();
      if (end.kind !== "lost" && transfer.object.turns.failure !== null) {
        end = failed(transfer.object.turns.failure);
      }
      transfer.object.turns.onFailure = () => {};
      objects.end(transfer.number, endedCommand);
    }
    return end;
  }

  async shutdown(): Promise<void> {
    try {
      await this.#ask("shutdown", []);
    } catch (error) {
      // Gone before it could answer is what was asked for.
      if (!(error instanceof SessionLost)) throw error;
    }
  }

  keepOnly(builders: readonly string[]): void {
    this.#ask(KEEP_ONLY.pb, [[...builders]]).catch(() => {});
  }

  close(reason: CloseReason): void {
    this.#connection.close(reason);
  }

  keepAliveEvery(seconds: number | null): void {
    const ask = () => this.#ask("print", [], printed("keepalive"));
    this.#heartbeat.every(seconds, ask, this.#settings.keepaliveTimeoutMs);
  }

  #lost(reason: CloseReason): void {
    this.#heartbeat.stop();
    for (const builder of this.#builders.values()) {
      builder.running?.progress.end(lost(reason.message));
    }
  }

  #interrupt(served: ServedBuilder, id: string, reason: unknown): void {
    if (this.#connection.isClosed) return;
    // Answered at once and always the same way; the command's own end is what counts.
    this.#connection.call(served.object, "interruptCommand", [id, whyOf(reason)]).catch(() => {});
  }

  say(message: string): void {
    this.#print(message);
  }

  /**
   * For the worker's log. Wants no answer: a worker would send it before the answer to the question
   * behind, whose packet its kernel then holds until the first is acknowledged, 40 ms later.
   */
  #print(message: string): void {
    if (!this.#connection.isClosed) this.#connection.tell(this.#bot, "print", [], printed(message));
  }

  #ask(method: string, args: readonly Jelly[], kwargs?: Dictionary): Promise<Jelly> {
    return this.#connection.call(this.#bot, method, args, kwargs);
  }

  async #askIfKnown(method: string): Promise<Jelly> {
    try {
      return await this.#ask(method, []);
    } catch (error) {
      if (isUnknownMethod(error)) return null;
      throw error;
    }
  }
}

function printed(message: string): Dictionary {
  return new Dictionary([["message", message]]);
}

function isUnknownMethod(error: unknown): boolean {
  return (
    error instanceof RemoteFailure &&
    (error.is(FailureType.noSuchMethod) || error.is(FailureType.attributeError))
  );
}

/** The builders of an answer that were asked for; one that kept its number keeps its command. */
function readBuilders(
  answer: Jelly,
  wanted: readonly BuilderRef[],
  before: ReadonlyMap<string, ServedBuilder>,
): Map<string, ServedBuilder> {
  const builders = new Map<string, ServedBuilder>();
  if (!(answer instanceof Dictionary)) return builders;
  const names = new Set(wanted.map((builder) => builder.name));
  for (const [key, value] of answer.entries) {
    const name = asString(key);
    if (name === null || !names.has(name) || !(value instanceof Remote)) continue;
    const old = before.get(name);
    // The very entry of before, so that a command that is running finds it again at its end.
    const kept = old?.object === value.id;
    builders.set(name, kept ? old : { object: value.id, running: null });
  }
  return builders;
}
