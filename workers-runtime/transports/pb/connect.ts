/**
 * A worker's login over Perspective Broker, and the objects its master calls (protocol §2.7, §2.8).
 *
 *   login      `root.login(name)` is answered by a challenge
 *   respond    the answer to the challenge, with our bot; while the master looks at us it calls the bot
 *   attached   the answer was the perspective
 *   refused    any failure: the connection is closed, and whoever asked for it tries again later
 */
import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { type BuilderRef, KEEP_ONLY, keyOf, LEAVING } from "../../../server/domain/wire";
import type { Jelly } from "../../../server/protocols/pb/codec";
import {
  asBytes,
  asNumber,
  asString,
  Dictionary,
  FailureType,
  failure,
  Remote,
  ROOT,
} from "../../../server/protocols/pb/codec";
import { CommandError } from "../arguments";
import type { Connection, Credentials, Transport, WorkerHost } from "../transport";
import {
  AnswerFailure,
  Broker,
  ConnectionLost,
  itemsOf,
  type LocalObject,
  messageOf,
  RemoteFailure,
} from "./broker";
import { commandChannel } from "./channel";
import { readCommand } from "./read-command";

export const pbTransport: Transport = (socket, credentials, host) =>
  new PbConnection(socket, credentials, host);

/** More are no master's builders. */
const MOST_BUILDERS = 10_000;

class PbConnection implements Connection {
  readonly attached: Promise<boolean>;
  readonly closed: Connection["closed"];
  readonly #broker: Broker;
  readonly #credentials: Credentials;
  readonly #host: WorkerHost;
  readonly #builders = new Map<string, LocalObject>();
  #perspective: number | null = null;
  /** The master has used a word of ours. */
  #knowsKeeping = false;

  constructor(socket: Duplex, credentials: Credentials, host: WorkerHost) {
    this.#credentials = credentials;
    this.#host = host;
    let settle: (isAttached: boolean) => void = () => {};
    this.attached = new Promise((resolve) => {
      settle = resolve;
    });
    this.#broker = new Broker(socket, () => {
      this.#login().then(
        () => settle(true),
        (error: unknown) => this.#refused(error),
      );
    });
    this.closed = this.#broker.closed;
    void this.closed.then(() => settle(false));
  }

  async askToDrain(): Promise<void> {
    if (this.#perspective !== null) await this.#broker.call(this.#perspective, "shutdown");
  }

  async keepAlive(timeoutMs: number): Promise<boolean> {
    const perspective = this.#perspective;
    if (perspective === null) return false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    // A failure is an answer, too: somebody is there.
    const answer = this.#broker.call(perspective, "keepalive").then(
      () => true,
      (error: unknown) => !(error instanceof ConnectionLost),
    );
    const isAlive = await Promise.race([answer, late]);
    clearTimeout(timer);
    return isAlive;
  }

  close(message: string): void {
    this.#broker.close(message);
  }

  leave(message: string): void {
    const perspective = this.#perspective;
    if (this.#knowsKeeping && perspective !== null) this.#broker.tell(perspective, LEAVING);
    this.close(message);
  }

  async #login(): Promise<void> {
    const broker = this.#broker;
    const name = Buffer.from(this.#credentials.name, "utf8");
    const [challenge, challenger] = itemsOf(await broker.call(ROOT, "login", name));
    const bytes = asBytes(challenge);
    if (bytes === null || !(challenger instanceof Remote)) {
      throw new Error("the master sent no challenge");
    }
    const response = challengeResponse(this.#credentials.password, bytes);
    const bot = new Remote(broker.expose(this.#bot()));
    const answered = broker.call(challenger.id, "respond", response, bot);
    broker.decref(challenger.id);
    const perspective = await answered;
    if (!(perspective instanceof Remote)) throw new Error("the master let nobody in");
    this.#perspective = perspective.id;
  }

  #refused(error: unknown): void {
    const isRefusal =
      error instanceof RemoteFailure && error.failure.parents.includes(FailureType.unauthorized);
    const message = isRefusal ? "the master refused the name or the password" : messageOf(error);
    this.#broker.close(message, isRefusal);
  }

  #bot(): LocalObject {
    const host = this.#host;
    return {
      call: (method, args, kwargs) => {
        switch (method) {
          case "print":
            host.said(asString(kwargs.get("message") ?? args[0]) ?? "");
            return null;
          case "getWorkerInfo":
            return host.describe();
          case "setBuilderList":
            return this.#serve(args[0]);
          case "getCommands":
            return host.describe().then((info) => info.worker_commands ?? {});
          case "getVersion":
            return host.describe().then((info) => info.version ?? "");
          case KEEP_ONLY.pb:
            this.#knowsKeeping = true;
            host.keepOnly(itemsOf(args[0]).flatMap((name) => asString(name) ?? []));
            return null;
          case "shutdown":
            // Answered first; the process goes a moment later.
            host.shutdown();
            return null;
          default:
            throw noSuchMethod(method);
        }
      },
    };
  }

  async #serve(list: Jelly | undefined): Promise<Jelly> {
    const builders = itemsOf(list).map((pair): BuilderRef => {
      const [name, builddir] = itemsOf(pair).map(asString);
      if (name == null || builddir == null) throw new Error("a builder has no name or directory");
      return { name, builddir };
    });
    if (builders.length > MOST_BUILDERS) throw new Error("that are too many builders");
    await this.#host.serve(builders);
    const wanted = new Set(builders.map(({ name }) => name));
    for (const name of this.#builders.keys()) if (!wanted.has(name)) this.#builders.delete(name);
    return new Dictionary(
      builders.map(({ name }) => {
        const object = this.#builders.get(name) ?? this.#builder(name);
        this.#builders.set(name, object);
        return [name, new Remote(this.#broker.expose(object))];
      }),
    );
  }

  #builder(name: string): LocalObject {
    return {
      call: (method, args, kwargs) => {
        switch (method) {
          case "startBuild":
          case "setMaster":
            return null;
          case "print":
            this.#host.said(asString(kwargs.get("message") ?? args[0]) ?? "");
            return null;
          case "startCommand":
            return this.#startCommand(name, args);
          case "interruptCommand":
            this.#host.interrupt(name, asString(args[0]) ?? "", asString(args[1]) ?? "");
            return null;
          default:
            throw noSuchMethod(method);
        }
      },
    };
  }

  #startCommand(builder: string, [object, id, name, args, keep]: readonly Jelly[]): Jelly {
    if (!(object instanceof Remote) || !(args instanceof Dictionary)) {
      throw new Error("startCommand has wrong arguments");
    }
    const broker = this.#broker;
    const remotes = [object, ...args.entries.map(([, value]) => value)].flatMap((value) =>
      value instanceof Remote ? [value.id] : [],
    );
    try {
      const command = readCommand(asString(name) ?? "", args, broker);
      const channel = commandChannel(broker, object.id, remotes);
      const [step, ordinal] = itemsOf(keep);
      const key = keyOf(asString(step), asNumber(ordinal));
      if (key !== null && this.#builders.has(builder)) {
        this.#knowsKeeping = true;
        return this.#host.keep(builder, asString(id) ?? "", command, channel, key);
      }
      this.#host.start(builder, asString(id) ?? "", command, channel);
    } catch (error) {
      for (const number of remotes) broker.decref(number);
      if (!(error instanceof CommandError)) throw error;
      throw new AnswerFailure(failure("builtins.ValueError", error.message));
    }
    return null;
  }
}

/** MD5( MD5(password) ++ challenge ), with the raw inner digest. */
export function challengeResponse(password: string, challenge: Uint8Array): Uint8Array {
  const inner = createHash("md5").update(password, "utf8").digest();
  return createHash("md5").update(inner).update(challenge).digest();
}

function noSuchMethod(method: string): AnswerFailure {
  return new AnswerFailure(failure(FailureType.noSuchMethod, `no method ${method}`));
}
