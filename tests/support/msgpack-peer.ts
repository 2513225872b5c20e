/** The worker's end of a msgpack connection, driven by hand: for what no real worker does. */
import { WebSocket } from "ws";
import {
  asString,
  type Fields,
  type Message,
  readMessage,
  type Value,
  type WorkerOp,
  writeFailure,
  writeRequest,
  writeResponse,
} from "../../server/protocols/msgpack/codec";

export type Request = Extract<Message, { kind: "request" }>;
export type Response = Extract<Message, { kind: "response" }>;

export interface PeerOptions {
  readonly name?: string;
  readonly password?: string;
  /** The whole `Authorization` header instead of name and password; null for none. */
  readonly authorization?: string | null;
  readonly path?: string;
  /** Trusted authority; speaks TLS when given. */
  readonly ca?: string;
}

export class MsgpackPeer {
  readonly websocket: WebSocket;
  /** All messages that came, in order. */
  readonly received: Message[] = [];
  /** Kinds of frames that came, in order: `message`, `pong`. */
  readonly frames: string[] = [];
  /** The code of the Close frame, once the other end closed. */
  readonly closed: Promise<number>;
  /** Answers requests of the master; undefined leaves one to the default of a real worker. */
  answer: (request: Request) => Value | "silence" | Error | undefined = () => undefined;
  #nextSequence = 0;
  #isClosed = false;
  #wakeUp: (() => void)[] = [];

  constructor(port: number, options: PeerOptions = {}) {
    const { name = "w1", password = "pass", ca } = options;
    const basic = `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
    const authorization = options.authorization === undefined ? basic : options.authorization;
    const host = ca === undefined ? "ws://127.0.0.1" : "wss://localhost";
    this.websocket = new WebSocket(`${host}:${port}${options.path ?? "/"}`, {
      perMessageDeflate: false,
      ...(ca === undefined ? {} : { ca }),
      ...(authorization === null ? {} : { headers: { authorization } }),
    });
    this.websocket.on("error", () => {});
    this.websocket.on("message", (frame) => this.#receive(frame as Buffer));
    this.websocket.on("pong", () => this.frames.push("pong"));
    this.closed = new Promise((resolve) => {
      this.websocket.on("close", (code) => {
        this.#isClosed = true;
        this.#wake();
        resolve(code);
      });
    });
  }

  /** 101 when the WebSocket opened, or the status that refused it; 0 for neither. */
  status(): Promise<number> {
    return new Promise((resolve) => {
      this.websocket.once("open", () => resolve(101));
      this.websocket.once("close", () => resolve(0));
      this.websocket.once("unexpected-response", (_request, response) => {
        resolve(response.statusCode ?? 0);
        response.destroy();
      });
    });
  }

  raw(frame: Uint8Array | string): void {
    this.websocket.send(frame);
  }

  request(op: WorkerOp | string, fields: { readonly [key: string]: Value } = {}): number {
    const sequence = this.#nextSequence++;
    this.raw(writeRequest(sequence, op as WorkerOp, fields));
    return sequence;
  }

  async expect<M extends Message>(fits: (message: Message) => message is M): Promise<M> {
    for (let index = 0; ; ) {
      for (; index < this.received.length; index++) {
        const message = this.received[index];
        if (message !== undefined && fits(message)) return message;
      }
      if (this.#isClosed) throw new Error("the connection is closed");
      await new Promise<void>((resolve) => this.#wakeUp.push(resolve));
    }
  }

  /** The response to a request, or the failure. */
  async reply(sequence: number): Promise<Value | Error> {
    const response = await this.expect(
      (message): message is Response =>
        message.kind === "response" && message.sequence === sequence,
    );
    return response.failed ? new Error(String(response.result)) : response.result;
  }

  /** A request of the master, by its op. */
  expectOp(op: string, occurrence = 1): Promise<Request> {
    return this.expect((message): message is Request => {
      const all = this.received.filter((each) => each.kind === "request" && each.op === op);
      return all[occurrence - 1] === message;
    });
  }

  /** The first command of a builder. */
  expectCommand(): Promise<Request> {
    return this.expect(
      (message): message is Request =>
        message.kind === "request" &&
        message.op === "start_command" &&
        message.fields.has("builder_name"),
    );
  }

  end(): void {
    this.websocket.terminate();
  }

  #receive(frame: Buffer): void {
    const message = readMessage(frame);
    this.received.push(message);
    this.frames.push("message");
    if (message.kind === "request") this.#serve(message);
    this.#wake();
  }

  #serve(request: Request): void {
    const told = this.answer(request);
    if (told === "silence" || this.#isClosed) return;
    if (told instanceof Error) this.raw(writeFailure(request.sequence, told.message));
    else if (told !== undefined) this.raw(writeResponse(request.sequence, told));
    else if (request.op === "get_worker_info") {
      this.raw(writeResponse(request.sequence, { system: "posix", basedir: "/w" }));
    } else {
      this.raw(writeResponse(request.sequence, null));
      if (request.op === "start_command") this.#completeOwn(request.fields);
    }
  }

  /** Commands without a builder are the master's own, and go well. */
  #completeOwn(fields: Fields): void {
    if (fields.has("builder_name")) return;
    const command_id = asString(fields.get("command_id")) ?? "";
    const isListing = asString(fields.get("command_name")) === "listdir";
    const updates: Value[] = isListing ? [["files", ["info"]]] : [];
    this.request("update", { command_id, args: [...updates, ["rc", 0]] });
    this.request("complete", { command_id, args: null });
  }

  #wake(): void {
    const wakeUp = this.#wakeUp;
    this.#wakeUp = [];
    for (const resolve of wakeUp) resolve();
  }
}
