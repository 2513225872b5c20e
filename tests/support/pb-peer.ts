/**
 * The worker's end of a Perspective Broker connection, driven by hand: for what no real worker does.
 */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { BrokerMessage, Call, Jelly } from "../../server/protocols/pb/codec";
import {
  asString,
  BananaDecoder,
  BananaWriter,
  Dictionary,
  failure,
  Remote,
  ROOT,
  readBrokerMessage,
  Tuple,
  writeAnswer,
  writeCall,
  writeDecref,
  writeError,
  writeVersion,
} from "../../server/protocols/pb/codec";
import { loginResponse } from "../../server/protocols/pb/login";

export type Answer = (call: Call) => Jelly | "silence" | Error;

export const BOT = 1;

export class PbPeer {
  readonly socket: Socket;
  /** All that came, in order. */
  readonly received: BrokerMessage[] = [];
  /** Settles when the other end closed the connection. */
  readonly closed: Promise<void>;
  /** Answers calls of the master; undefined leaves a call to the default of a real worker. */
  answer: (call: Call) => ReturnType<Answer> | undefined = () => undefined;
  readonly #decoder = new BananaDecoder();
  readonly #writer = new BananaWriter({ usesVocabulary: false });
  readonly #builders = new Map<string, number>();
  #lastRequest = 0;
  #wakeUp: (() => void)[] = [];
  #isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", () => {});
    this.closed = new Promise((resolve) => {
      socket.on("close", () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  static connect(port: number, options: { readonly tls?: boolean } = {}): PbPeer {
    return new PbPeer(
      options.tls
        ? connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false })
        : connect({ host: "127.0.0.1", port }),
    );
  }

  raw(bytes: Uint8Array | string): void {
    this.socket.write(bytes);
  }

  greet(): void {
    this.#writer.text("pb");
    this.#writer.usesVocabulary = true;
    writeVersion(this.#writer);
    this.#flush();
  }

  /** Calls a method of the master and returns the request number. */
  call(object: number | typeof ROOT, method: string, ...args: Jelly[]): number {
    const request = ++this.#lastRequest;
    writeCall(this.#writer, {
      request,
      object,
      method,
      answerRequired: true,
      args,
      kwargs: new Dictionary(),
    });
    this.#flush();
    return request;
  }

  decref(object: number): void {
    writeDecref(this.#writer, object);
    this.#flush();
  }

  /** Waits for a message that fits; rejects when the connection closes before. */
  async expect<M extends BrokerMessage>(fits: (message: BrokerMessage) => message is M): Promise<M>;
  async expect(fits: (message: BrokerMessage) => boolean): Promise<BrokerMessage>;
  async expect(fits: (message: BrokerMessage) => boolean): Promise<BrokerMessage> {
    for (let index = 0; ; ) {
      for (; index < this.received.length; index++) {
        const message = this.received[index];
        if (message !== undefined && fits(message)) return message;
      }
      if (this.#isClosed) throw new Error("the connection is closed");
      await new Promise<void>((resolve) => this.#wakeUp.push(resolve));
    }
  }

  /** The answer, or the failure, that a call got. */
  async reply(request: number): Promise<Jelly | Error> {
    const message = await this.expect(
      (each) => (each.kind === "answer" || each.kind === "error") && each.request === request,
    );
    if (message.kind === "error")
      return new Error(`${message.failure.type}: ${message.failure.message}`);
    return message.kind === "answer" ? message.value : null;
  }

  /** A call of the master by method name. */
  expectCall(method: string, occurrence = 1): Promise<Call> {
    return this.expect((message): message is Call => {
      const calls = this.received.filter(
        (each) => each.kind === "message" && each.method === method,
      );
      return calls[occurrence - 1] === message;
    });
  }

  /** Logs in as a real worker does; resolves with what `respond` was answered. */
  async login(name: string, password: string): Promise<Jelly | Error> {
    this.greet();
    const challenge = await this.reply(this.call(ROOT, "login", Buffer.from(name)));
    if (!(challenge instanceof Tuple)) throw new Error("no challenge came");
    const [bytes, challenger] = challenge.items;
    if (!(bytes instanceof Uint8Array) || !(challenger instanceof Remote)) {
      throw new Error("no challenge came");
    }
    const response = loginResponse(password, bytes);
    const request = this.call(challenger.id, "respond", response, new Remote(BOT));
    this.decref(challenger.id);
    return this.reply(request);
  }

  end(): void {
    this.socket.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#decoder.push(chunk);
    for (let next = this.#decoder.next(); next !== undefined; next = this.#decoder.next()) {
      if (!this.#decoder.usesVocabulary) {
        // The dialects on offer.
        this.#decoder.usesVocabulary = true;
        continue;
      }
      const message = readBrokerMessage(next);
      this.received.push(message);
      if (message.kind === "message") this.#serve(message);
    }
    this.#wake();
  }

  #serve(call: Call): void {
    const told = this.answer(call);
    const answer = told === undefined ? this.#default(call) : told;
    if (answer === "silence" || !call.answerRequired) return;
    if (answer instanceof Error) {
      writeError(this.#writer, call.request, failure(answer.name, answer.message));
    } else {
      writeAnswer(this.#writer, call.request, answer);
    }
    this.#flush();
  }

  /** What any worker says: no facts, a number for each builder, None to all else. */
  #default(call: Call): Jelly {
    if (call.method === "getWorkerInfo") return new Dictionary();
    if (call.method !== "setBuilderList") return null;
    const names = (call.args[0] as Tuple[]).map((pair) => asString(pair.items[0]) ?? "");
    return new Dictionary(
      names.map((name) => {
        const number = this.#builders.get(name) ?? BOT + 1 + this.#builders.size;
        this.#builders.set(name, number);
        return [name, new Remote(number)];
      }),
    );
  }

  #flush(): void {
    if (!this.#isClosed) this.socket.write(this.#writer.take());
  }

  #wake(): void {
    const wakeUp = this.#wakeUp;
    this.#wakeUp = [];
    for (const resolve of wakeUp) resolve();
  }
}
