/**
 * The worker's end of one msgpack connection: requests both ways over a WebSocket (protocol §3.1, §3.2).
 *
 *   opening   the handshake carries name and password; 401 is a refusal
 *   open      requests and responses
 *   closed    for one reason, told once; every outstanding request fails
 *
 * Frames are neither compressed nor larger than the codec allows. How much the socket still holds is what
 * producers of output look at (`isFull`).
 */
import type { Duplex } from "node:stream";
import { type RawData, WebSocket } from "ws";
import {
  asString,
  LIMITS,
  type Message,
  readMessage,
  type SelfOp,
  type Value,
  type WorkerOp,
  writeFailure,
  writeRequest,
  writeResponse,
} from "../../../server/protocols/msgpack/codec";
import type { CloseReason, Credentials } from "../transport";

/** Unsent bytes above which producers of output should stop. */
const FULL_BYTES = 1024 * 1024;
/** Unsent bytes above which the master is not heard: it asks, and does not read the answers. */
const DEAF_BYTES = 8 * FULL_BYTES;
/** Requests of the master under way at once above which it is not heard. */
const MOST_SERVED = 256;
/** Requests that wait for an answer. A master answers at once, so one that owes so many is none. */
const MOST_OUTSTANDING = 100_000;
const CLOSE_GRACE_MS = 1_000;

export type Fields = { readonly [key: string]: Value | undefined };
type Request = Extract<Message, { kind: "request" }>;

/** What the master asks. A throw, or a rejection, is answered as a failure. */
export type Serve = (request: Request) => Value | Promise<Value>;

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

interface Outstanding {
  resolve(value: Value): void;
  reject(error: Error): void;
}

export class Link {
  readonly closed: Promise<CloseReason>;
  readonly #webSocket: WebSocket;
  readonly #serve: Serve;
  readonly #outstanding = new Map<number, Outstanding>();
  #waitingForRoom: (() => void)[] = [];
  #nextRequest = 0;
  #served = 0;
  #isClosed = false;
  #settleClosed: (reason: CloseReason) => void = () => {};

  constructor(socket: Duplex, address: Address, { name, password }: Credentials, serve: Serve) {
    this.#serve = serve;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    const host = address.host.includes(":") ? `[${address.host}]` : address.host;
    const login = Buffer.from(`${name}:${password}`, "utf8").toString("base64");
    // The socket is plain or has its TLS already; either way HTTP is spoken over it as it is.
    this.#webSocket = new WebSocket(`ws://${host}:${address.port}${address.path}`, {
      createConnection: () => socket,
      headers: { authorization: `Basic ${login}` },
      perMessageDeflate: false,
      maxPayload: LIMITS.messageBytes,
      skipUTF8Validation: true,
    });
    this.#webSocket.binaryType = "nodebuffer";
    this.#listen(this.#webSocket);
    socket.on("drain", () => this.#room());
  }

  get isFull(): boolean {
    return !this.#isClosed && this.#unsent > FULL_BYTES;
  }

  get #unsent(): number {
    return this.#webSocket.bufferedAmount;
  }

  /** Calls back once, when the socket has taken all, or is gone. */
  onRoom(resume: () => void): void {
    this.#waitingForRoom.push(resume);
    if (this.#isClosed) this.#room();
  }

  /** Rejects with what the master says is wrong, or when the connection goes. */
  request(op: WorkerOp | SelfOp, fields: Fields): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new Error("the connection is closed");
      const frame = writeRequest(this.#nextRequest, op, fields);
      this.#outstanding.set(this.#nextRequest, { resolve, reject });
      this.#nextRequest++;
      if (this.#outstanding.size > MOST_OUTSTANDING) this.abort("the master does not answer");
      this.#send(frame);
    });
  }

  /** A request whose answer, good or bad, is of no interest. */
  tell(op: WorkerOp | SelfOp, fields: Fields): void {
    if (!this.#isClosed) this.request(op, fields).catch(() => {});
  }

  /** A round trip below the protocol, which has none for a worker. */
  ping(timeoutMs: number): Promise<boolean> {
    if (this.#webSocket.readyState !== WebSocket.OPEN) return Promise.resolve(false);
    return new Promise((resolve) => {
      const webSocket = this.#webSocket;
      const settle = (isAlive: boolean) => {
        clearTimeout(late);
        webSocket.off("pong", answered);
        resolve(isAlive);
      };
      const answered = () => settle(true);
      const late = setTimeout(() => settle(false), timeoutMs);
      webSocket.on("pong", answered);
      void this.closed.then(() => settle(false));
      webSocket.ping();
    });
  }

  /** Ends the connection; what was written still goes out, and a goodbye. Only the first reason counts. */
  close(message: string): void {
    if (this.#isClosed) return;
    const webSocket = this.#webSocket;
    const gone = new Promise<void>((resolve) => webSocket.once("close", () => resolve()));
    this.#finish({ message, isRefusal: false }, gone);
    webSocket.close();
    const timer = setTimeout(() => webSocket.terminate(), CLOSE_GRACE_MS);
    void gone.then(() => clearTimeout(timer));
  }

  /** Ends the connection at once, without sending what is left. */
  abort(message: string, isRefusal = false): void {
    this.#finish({ message, isRefusal });
    this.#webSocket.terminate();
  }

  #listen(webSocket: WebSocket): void {
    webSocket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    webSocket.on("error", (error) => this.abort(error.message));
    webSocket.on("close", (_code, reason) => {
      const why = reason.length > 0 ? `: ${reason.toString("utf8").slice(0, 200)}` : "";
      this.#finish({ message: `the master closed the connection${why}`, isRefusal: false });
    });
    webSocket.on("unexpected-response", (_request, response) => {
      const { statusCode = 0, statusMessage = "" } = response;
      if (statusCode === 401) this.abort("the master refused the name or the password", true);
      else this.abort(`the master answered ${statusCode} ${statusMessage} to the login`);
    });
  }

  #receive(data: RawData, isBinary: boolean): void {
    // Text is ignored by real peers, too.
    if (this.#isClosed || !isBinary) return;
    try {
      this.#handle(readMessage(data as Buffer));
    } catch (error) {
      this.abort(messageOf(error));
    }
    this.#hear();
  }

  #handle(message: Message): void {
    if (message.kind === "stray") return;
    if (message.kind === "request") {
      void this.#answer(message);
      return;
    }
    const { sequence, failed, result } = message;
    const outstanding = this.#outstanding.get(sequence);
    this.#outstanding.delete(sequence);
    if (failed) outstanding?.reject(new Error(asString(result) ?? "the master failed"));
    else outstanding?.resolve(result);
  }

  async #answer(request: Request): Promise<void> {
    const { sequence } = request;
    this.#served++;
    try {
      const told = this.#serve(request);
      // An answer that is there goes out before what the request has set going.
      const result = told instanceof Promise ? await told : told;
      this.#send(writeResponse(sequence, result));
    } catch (error) {
      this.#send(writeFailure(sequence, messageOf(error)));
    }
    this.#served--;
    this.#hear();
  }

  #send(frame: Uint8Array): void {
    if (this.#isClosed) return;
    this.#webSocket.send(frame);
    if (this.#unsent === 0) this.#room();
  }

  /** Reads on, or not while the master asks more than it lets us answer. */
  #hear(): void {
    if (this.#isClosed) return;
    if (this.#unsent > DEAF_BYTES || this.#served > MOST_SERVED) this.#webSocket.pause();
    else if (this.#webSocket.isPaused) this.#webSocket.resume();
  }

  #room(): void {
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = [];
    for (const resume of waiting) resume();
    this.#hear();
  }

  /** @param gone when the socket is, which is what `closed` waits for */
  #finish(reason: CloseReason, gone: Promise<void> = Promise.resolve()): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const lost = new Error(reason.message);
    for (const outstanding of this.#outstanding.values()) outstanding.reject(lost);
    this.#outstanding.clear();
    void gone.then(() => this.#settleClosed(reason));
    this.#room();
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
