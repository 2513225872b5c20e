/**
 * A worker that has proven who it is: its bot, its builders and its commands (protocol §2.8, §6).
 *
 * The worker's builder objects are counted (§2.5): each answer to `setBuilderList` counts every one
 * of them again, so each new answer lets go of the counts of the former one.
 */
import type { BuilderRef, Command, CommandEnd, CommandSink, WorkerFacts } from "../../domain/wire";
import type { CloseReason, Hello, WorkerSession } from "../contract";
import { SessionLost } from "../contract";
import type { Jelly } from "./codec";
import { asString, Dictionary, FailureType, Remote, Tuple } from "./codec";
import { endedCommand, RunningCommand } from "./command";
import { encodeArgs } from "./command-args";
import type { BrokerConnection } from "./connection";
import { messageOf, RemoteFailure } from "./errors";
import type { PbSettings } from "./settings";
import { readWorkerFacts } from "./worker-facts";

/** What a builder's commands look like to a worker that dropped the builder meanwhile. */
const BUILDER_GONE = "the worker no longer serves this builder";
const DEFAULT_WHY = "command interrupted";

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
  #keepaliveTimer: NodeJS.Timeout | null = null;

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
    this.closed = connection.closed;
    void this.closed.then((reason) => this.#lost(reason));
    this.#print("attached");
  }

  get lastHeardAt(): number {
    return this.#connection.lastHeardAt;
  }

  async describe(): Promise<WorkerFacts> {
    try {
      return readWorkerFacts(await this.#ask("getWorkerInfo", []));
    } catch (error) {
      if (!isUnknownMethod(error)) throw error;
    }
    const [info, commands, version] = await Promise.all([
      this.#askIfKnown("getSlaveInfo"),
      this.#askIfKnown("getCommands"),
      this.#askIfKnown("getVersion"),
    ]);
    return readWorkerFacts(info, { commands, version });
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
      if (now?.object !== builder.object) builder.running?.end(lost(BUILDER_GONE));
    }
    for (const name of this.#builders.keys()) {
      if (!before.has(name)) this.#print("attached");
    }
  }

  ping(timeoutMs: number): Promise<boolean> {
    return this.#roundTrip("ping", timeoutMs);
  }

  async run(
    builder: string,
    command: Command,
    sink: CommandSink,
    stop: AbortSignal,
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
      transfer.object.onFailure = () => this.#interrupt(served, id, "the transfer failed");
    }

    connection
      .call(served.object, "startCommand", [new Remote(number), id, command.name, args])
      .then(
        () => {
          // The worker's kernel holds the first output until this packet acknowledges the answer.
          // Being the start of a build too, it needs no reply; what it means, it has no effect.
          if (this.#settings.nudges && served.running === running && !connection.isClosed) {
            connection.tell(served.object, "startBuild", []);
          }
        },
        (error: unknown) => running.end(endOfError(error)),
      );
    stop.addEventListener("abort", interrupt, { once: true });

    let end = await running.ended;
    stop.removeEventListener("abort", interrupt);
    served.running = null;
    objects.end(number, endedCommand);
    if (transfer !== null) {
      // A worker that did not wait for its last answers still gets its blocks written.
      if (end.kind !== "lost") await transfer.object.idle();
      if (end.kind !== "lost" && transfer.object.failure !== null) {
        end = failed(transfer.object.failure);
      }
      transfer.object.onFailure = () => {};
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

  close(reason: CloseReason): void {
    this.#connection.close(reason);
  }

  /** Sends a keepalive every so often; one that stays unanswered in silence ends the session. */
  keepAliveEvery(intervalSeconds: number): void {
    const timeoutMs = Math.min(this.#settings.keepaliveTimeoutMs, intervalSeconds * 1000);
    const timer = setTimeout(async () => {
      const sentAt = this.#settings.now();
      const isAnswered = await this.#roundTrip("keepalive", timeoutMs);
      if (this.#connection.isClosed) return;
      // Anything heard meanwhile is as good as the answer.
      if (isAnswered || this.lastHeardAt > sentAt) this.keepAliveEvery(intervalSeconds);
      else this.close({ code: "timeout", message: "the worker did not answer a keepalive" });
    }, intervalSeconds * 1000);
    timer.unref();
    this.#keepaliveTimer = timer;
  }

  #lost(reason: CloseReason): void {
    if (this.#keepaliveTimer !== null) clearTimeout(this.#keepaliveTimer);
    for (const builder of this.#builders.values()) builder.running?.end(lost(reason.message));
  }

  #interrupt(served: ServedBuilder, id: string, reason: unknown): void {
    if (this.#connection.isClosed) return;
    const why = typeof reason === "string" && reason !== "" ? reason : DEFAULT_WHY;
    // Answered at once and always the same way; the command's own end is what counts.
    this.#connection
      .call(served.object, "interruptCommand", [id, why.slice(0, 1024)])
      .catch(() => {});
  }

  /** Whether the worker answers in time; the time begins anew after each pause of our reading. */
  #roundTrip(message: string, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout;
      const settle = (isAlive: boolean) => {
        clearTimeout(timer);
        resolve(isAlive);
      };
      const wait = () => {
        const { holdCount } = this.#connection;
        timer = setTimeout(() => {
          if (this.#connection.isHeld || this.#connection.holdCount !== holdCount) wait();
          else settle(false);
        }, timeoutMs);
      };
      wait();
      this.#ask("print", [], printed(message)).then(
        () => settle(true),
        () => settle(false),
      );
    });
  }

  #print(message: string): void {
    this.#ask("print", [], printed(message)).catch(() => {});
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

const INTERRUPTED_BEFORE: CommandEnd = {
  kind: "completed",
  rc: -1,
  elapsedSeconds: null,
  failureReason: null,
};

function printed(message: string): Dictionary {
  return new Dictionary([["message", message]]);
}

function lost(message: string): CommandEnd {
  return { kind: "lost", message };
}

function failed(message: string): CommandEnd {
  return { kind: "failed", message };
}

function endOfError(error: unknown): CommandEnd {
  return error instanceof SessionLost ? lost(error.message) : failed(messageOf(error));
}

function isUnknownMethod(error: unknown): boolean {
  return (
    error instanceof RemoteFailure &&
    (error.is(FailureType.noSuchMethod) || error.is(FailureType.attributeError))
  );
}

function sameBuilders(left: readonly BuilderRef[], right: readonly BuilderRef[]): boolean {
  return (
    left.length === right.length &&
    left.every(
      (builder, index) =>
        builder.name === right[index]?.name && builder.builddir === right[index]?.builddir,
    )
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
