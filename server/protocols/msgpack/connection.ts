/**
 * One WebSocket: requests in both directions, and their answers (protocol §3.2).
 *
 * Reading: frames are handled one by one, and none while somebody holds the connection (a log that is
 * behind, too many requests waiting). The socket is paused meanwhile, so that TCP slows the worker down
 * and no more than what was read already waits here.
 *
 * Writing: whatever is written during one turn of the event loop goes out as one packet. A peer that
 * lets too much of it pile up is dropped.
 *
 * Nothing is ever thrown out of a socket's event: whatever goes wrong ends this connection only.
 */
import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import type { CloseReason } from "../contract";
import { SessionLost } from "../contract";
import { messageOf, ProtocolViolation } from "../errors";
import type { Line } from "../heartbeat";
import {
  type Fields,
  type MasterOp,
  type Message,
  readMessage,
  type Value,
  writeFailure,
  writeRequest,
  writeResponse,
} from "./codec";
import type { MsgpackSettings } from "./settings";

/** After our Close frame, how long the peer may take for its own. */
const CLOSE_GRACE_MS = 1_000;

/** The worker refused a request, in its words. */
export class RequestFailed extends Error {
  override readonly name = "RequestFailed";
}

interface Outstanding {
  resolve(value: Value): void;
  reject(error: Error): void;
}

export type Serve = (op: string, fields: Fields) => Value | Promise<Value>;

export class MsgpackConnection implements Line {
  readonly closed: Promise<CloseReason>;
  lastHeardAt: number;
  /** Answers the peer's requests. Throwing, or rejecting, is answered as a failure. */
  serve: Serve = () => null;

  readonly #websocket: WebSocket;
  readonly #socket: Duplex;
  readonly #settings: MsgpackSettings;
  readonly #outstanding = new Map<number, Outstanding>();
  #frames: Uint8Array[] = [];
  #nextSequence = 0;
  #pendingRequests = 0;
  #holds = 0;
  #holdCount = 0;
  #isReading = false;
  #isCorked = false;
  #isClosed = false;
  #settleClosed: (reason: CloseReason) => void = () => {};

  constructor(websocket: WebSocket, socket: Duplex, settings: MsgpackSettings) {
    this.#websocket = websocket;
    this.#socket = socket;
    this.#settings = settings;
    this.lastHeardAt = settings.now();
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    // A long message tells that the peer is there before it is whole.
    socket.on("data", () => {
      this.lastHeardAt = settings.now();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      this.abort({ code: "peer-reset", message: error.message });
    });
    websocket.on("error", (error) => {
      this.#finish({ code: "protocol-error", message: error.message });
    });
    websocket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    websocket.on("close", () => {
      this.#finish({ code: "peer-closed", message: "the peer closed the connection" });
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isHeld(): boolean {
    return this.#holds > 0;
  }

  get holdCount(): number {
    return this.#holdCount;
  }

  /**
   * Asks something of the peer. Rejects with `RequestFailed`, with `SessionLost`, or with a codec
   * error when the fields cannot be sent.
   */
  ask(op: MasterOp, fields: { readonly [key: string]: Value | undefined } = {}): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw new SessionLost("the connection is closed");
      const sequence = this.#nextSequence;
      const frame = writeRequest(sequence, op, fields);
      this.#nextSequence++;
      this.#outstanding.set(sequence, { resolve, reject });
      this.#send(frame);
    });
  }

  /** Sends something that needs no answer, so that the peer's kernel hears an acknowledgement. */
  nudge(): void {
    if (this.#isClosed) return;
    this.#corked();
    this.#websocket.pong();
  }

  /** Stops reading until `work` settles, however it does. */
  hold(work: Promise<unknown>): void {
    this.#hold();
    const release = () => this.#release();
    work.then(release, release);
  }

  /** Ends the connection; what was written still goes out. Only the first reason counts. */
  close(reason: CloseReason): void {
    if (!this.#finish(reason)) return;
    // A paused socket would never see the peer's end.
    this.#websocket.resume();
    this.#websocket.close();
    const timer = setTimeout(() => this.#websocket.terminate(), CLOSE_GRACE_MS);
    timer.unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  /** Ends the connection at once, without sending what is left. */
  abort(reason: CloseReason): void {
    this.#finish(reason);
    this.#websocket.terminate();
  }

  #finish(reason: CloseReason): boolean {
    if (this.#isClosed) return false;
    this.#isClosed = true;
    this.#frames = [];
    const lost = new SessionLost(reason.message);
    for (const outstanding of this.#outstanding.values()) outstanding.reject(lost);
    this.#outstanding.clear();
    this.#settleClosed(reason);
    return true;
  }

  #receive(data: RawData, isBinary: boolean): void {
    // Both originals ignore text.
    if (this.#isClosed || !isBinary) return;
    this.#frames.push(data as Buffer);
    this.#read();
  }

  #read(): void {
    // A handler may release a hold while frames are being read: one reader is enough.
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#holds === 0 && !this.#isClosed) {
        const frame = this.#frames.shift();
        if (frame === undefined) break;
        this.#handle(readMessage(frame));
      }
    } catch (error) {
      this.close({ code: "protocol-error", message: messageOf(error) });
    } finally {
      this.#isReading = false;
    }
  }

  #handle(message: Message): void {
    if (message.kind === "request") {
      this.#answer(message.sequence, message.op, message.fields);
    } else if (message.kind === "response") {
      if (message.sequence >= this.#nextSequence) {
        throw new ProtocolViolation("the peer answered a request that was never made");
      }
      const outstanding = this.#outstanding.get(message.sequence);
      // An answer to what was answered before is harmless.
      this.#outstanding.delete(message.sequence);
      if (message.failed) outstanding?.reject(failureOf(message.result));
      else outstanding?.resolve(message.result);
    }
  }

  #answer(sequence: number, op: string, fields: Fields): void {
    let result: Value | Promise<Value>;
    try {
      result = this.serve(op, fields);
    } catch (error) {
      this.#refuse(sequence, error);
      return;
    }
    if (!(result instanceof Promise)) {
      this.#respond(sequence, result);
      return;
    }
    if (++this.#pendingRequests === this.#settings.maxPendingRequests) this.#hold();
    result
      .then(
        (value) => this.#respond(sequence, value),
        (error: unknown) => this.#refuse(sequence, error),
      )
      .finally(() => {
        if (this.#pendingRequests-- === this.#settings.maxPendingRequests) this.#release();
      });
  }

  #respond(sequence: number, value: Value): void {
    try {
      this.#send(writeResponse(sequence, value));
    } catch (error) {
      this.#refuse(sequence, error);
    }
  }

  #refuse(sequence: number, error: unknown): void {
    this.#send(writeFailure(sequence, messageOf(error)));
  }

  #hold(): void {
    if (this.#holds++ > 0) return;
    this.#holdCount++;
    this.#websocket.pause();
  }

  #release(): void {
    if (--this.#holds > 0 || this.#isClosed) return;
    // What was read already comes first; it may well hold again.
    this.#read();
    if (this.#holds === 0 && !this.#isClosed) this.#websocket.resume();
  }

  #send(frame: Uint8Array): void {
    if (this.#isClosed) return;
    this.#corked();
    this.#websocket.send(frame);
    const unsent = this.#websocket.bufferedAmount;
    if (unsent > this.#settings.maxUnsentBytes) {
      this.abort({ code: "too-slow", message: `the peer left ${unsent} bytes unread` });
    }
  }

  /** Keeps what is written until the turn ends. */
  #corked(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#socket.cork();
    setImmediate(() => {
      this.#isCorked = false;
      this.#socket.uncork();
    });
  }
}

const MAX_FAILURE = 8 * 1024;

function failureOf(result: Value): RequestFailed {
  const words = result === null ? "the worker gave no reason" : String(result);
  return new RequestFailed(words.slice(0, MAX_FAILURE));
}
