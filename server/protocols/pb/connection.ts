/**
 * One connection of a broker: calls in both directions over one socket (protocol §2.2, §2.4).
 *
 *   greeting   we offered the dialects; the peer chooses one with a bare string
 *   versioned  the peer's first list must be `["version", 6]`
 *   open       calls, answers, releases
 *   closed     for one reason, told once; every outstanding call fails
 *
 * Reading: elements are pulled out of the decoder one by one, and no more are pulled while somebody
 * holds the connection (a log that is behind, too many calls waiting). The socket is paused meanwhile,
 * so that TCP slows the worker down and at most one chunk waits here.
 *
 * Writing: whatever is written during one turn of the event loop goes out as one packet. A peer that
 * lets too much of it pile up is dropped.
 *
 * Nothing is ever thrown out of a socket handler: whatever goes wrong ends this connection only.
 */
import type { Duplex } from "node:stream";
import type { CloseReason, Peer } from "../contract";
import { SessionLost } from "../contract";
import type { BananaLimits, Call, Dictionary, Jelly } from "./codec";
import {
  BananaDecoder,
  BananaWriter,
  BROKER_VERSION,
  type BrokerMessage,
  FailureType,
  failure,
  Dictionary as JellyDictionary,
  ROOT,
  readBrokerMessage,
  STRANGER_LIMITS,
  writeAnswer,
  writeCall,
  writeDecref,
  writeError,
  writeVersion,
} from "./codec";
import { messageOf, ProtocolViolation, RemoteFailure, toFailure } from "./errors";
import type { LocalObject } from "./object-table";
import { ObjectTable } from "./object-table";
import type { PbSettings } from "./settings";

const DIALECT = "pb";
const NO_KEYWORDS = new JellyDictionary();
/** After our end of the stream, how long the peer may take for its own. */
const CLOSE_GRACE_MS = 1_000;

interface Outstanding {
  resolve(value: Jelly): void;
  reject(error: Error): void;
}

export class BrokerConnection {
  readonly peer: Peer;
  readonly closed: Promise<CloseReason>;
  readonly objects: ObjectTable;
  lastHeardAt: number;

  readonly #socket: Duplex;
  readonly #settings: PbSettings;
  readonly #root: LocalObject;
  readonly #decoder = new BananaDecoder(STRANGER_LIMITS);
  readonly #writer = new BananaWriter({ usesVocabulary: false });
  readonly #outstanding = new Map<number, Outstanding>();
  #lastRequest = 0;
  #pendingCalls = 0;
  #holds = 0;
  #holdCount = 0;
  #flushScheduled = false;
  #reading = false;
  #state: "greeting" | "versioned" | "open" | "closed" = "greeting";
  #settleClosed: (reason: CloseReason) => void = () => {};

  constructor(socket: Duplex, peer: Peer, root: LocalObject, settings: PbSettings) {
    this.#socket = socket;
    this.#settings = settings;
    this.#root = root;
    this.peer = peer;
    this.objects = new ObjectTable(settings.maxEndedObjects);
    this.lastHeardAt = settings.now();
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.#lost(error));
    socket.on("end", () => this.#ended());
    socket.on("close", () => this.#ended());
    this.#writer.list(2);
    this.#writer.text(DIALECT);
    this.#writer.text("none");
    this.#flushSoon();
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Whether reading is stopped by us; silence then says nothing of the peer. */
  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** Counts the times that reading was stopped. */
  get holdCount(): number {
    return this.#holdCount;
  }

  /** Bounds of what the peer may send; wider once it has proven who it is. */
  set limits(limits: BananaLimits) {
    this.#decoder.limits = limits;
  }

  /**
   * Calls a method of a peer's object. Rejects with `RemoteFailure`, with `SessionLost`, or with
   * a codec error when the arguments cannot be sent.
   */
  call(
    object: number,
    method: string,
    args: readonly Jelly[],
    kwargs: Dictionary = NO_KEYWORDS,
  ): Promise<Jelly> {
    return new Promise((resolve, reject) => {
      const request = this.#send(object, method, args, kwargs, true);
      this.#outstanding.set(request, { resolve, reject });
    });
  }

  /** Calls a method and wants no answer. Throws like `call` rejects. */
  tell(
    object: number,
    method: string,
    args: readonly Jelly[],
    kwargs: Dictionary = NO_KEYWORDS,
  ): void {
    this.#send(object, method, args, kwargs, false);
  }

  /** Lets go of one count of a peer's object. */
  decref(object: number): void {
    if (this.isClosed) return;
    writeDecref(this.#writer, object);
    this.#flushSoon();
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
    this.#flush();
    const socket = this.#socket;
    // A paused socket would never see the peer's end.
    socket.resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), CLOSE_GRACE_MS);
    timer.unref();
    socket.once("close", () => clearTimeout(timer));
  }

  /** Ends the connection at once, without sending what is left. */
  abort(reason: CloseReason): void {
    this.#finish(reason);
    this.#socket.destroy();
  }

  #finish(reason: CloseReason): boolean {
    if (this.#state === "closed") return false;
    this.#state = "closed";
    const lost = new SessionLost(reason.message);
    for (const outstanding of this.#outstanding.values()) outstanding.reject(lost);
    this.#outstanding.clear();
    this.objects.clear();
    this.#settleClosed(reason);
    return true;
  }

  #lost(error: NodeJS.ErrnoException): void {
    const reset = error.code === "ECONNRESET" || error.code === "EPIPE";
    const code = reset || error.code === "ETIMEDOUT" ? "peer-reset" : "protocol-error";
    this.abort({ code, message: error.message });
  }

  #ended(): void {
    const message = this.#decoder.isMidElement
      ? "the peer closed the connection in the middle of a message"
      : "the peer closed the connection";
    this.#finish({ code: "peer-closed", message });
  }

  #receive(chunk: Buffer): void {
    this.lastHeardAt = this.#settings.now();
    if (this.isClosed) return;
    this.#decoder.push(chunk);
    this.#read();
  }

  #read(): void {
    // A handler may release a hold while elements are being pulled: one puller is enough.
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (this.#holds === 0 && !this.isClosed) {
        const element = this.#decoder.next();
        if (element === undefined) break;
        if (this.#state === "greeting") this.#chooseDialect(element);
        else this.#handle(readBrokerMessage(element));
      }
    } catch (error) {
      this.close({ code: "protocol-error", message: messageOf(error) });
    } finally {
      this.#reading = false;
    }
  }

  #chooseDialect(element: unknown): void {
    if (!(element instanceof Uint8Array) || Buffer.from(element).toString("latin1") !== DIALECT) {
      throw new ProtocolViolation("the peer speaks no dialect of ours");
    }
    this.#decoder.usesVocabulary = true;
    this.#writer.usesVocabulary = true;
    writeVersion(this.#writer);
    this.#flushSoon();
    this.#state = "versioned";
  }

  #handle(message: BrokerMessage): void {
    if (this.#state === "versioned") {
      if (message.kind !== "version" || message.version !== BROKER_VERSION) {
        throw new ProtocolViolation("the peer speaks another version");
      }
      this.#state = "open";
      return;
    }
    switch (message.kind) {
      case "message":
        this.#serve(message);
        return;
      case "answer":
        this.#take(message.request)?.resolve(message.value);
        return;
      case "error":
        this.#take(message.request)?.reject(new RemoteFailure(message.failure));
        return;
      case "decref":
        this.objects.release(message.object);
        return;
      case "version":
        throw new ProtocolViolation("the peer told its version twice");
    }
  }

  /** An answer to a call that wanted none, or that was answered before, is harmless. */
  #take(request: number): Outstanding | undefined {
    if (request > this.#lastRequest) {
      throw new ProtocolViolation("the peer answered a call that was never made");
    }
    const outstanding = this.#outstanding.get(request);
    this.#outstanding.delete(request);
    return outstanding;
  }

  #serve(call: Call): void {
    const object = call.object === ROOT ? this.#root : this.objects.get(call.object);
    if (object === undefined) {
      this.#refuse(call, failure(FailureType.pbError, "Invalid Object ID"));
      return;
    }
    let result: Jelly | Promise<Jelly>;
    try {
      result = object.call(call.method, call.args, call.kwargs);
    } catch (error) {
      // A violation is the connection's affair; any other error is the caller's answer.
      if (error instanceof ProtocolViolation) throw error;
      this.#refuse(call, toFailure(error));
      return;
    }
    if (!(result instanceof Promise)) {
      this.#answer(call, result);
      return;
    }
    if (++this.#pendingCalls === this.#settings.maxPendingCalls) this.#hold();
    result
      .then(
        (value) => this.#answer(call, value),
        (error: unknown) => this.#refuse(call, toFailure(error)),
      )
      .finally(() => {
        if (this.#pendingCalls-- === this.#settings.maxPendingCalls) this.#release();
      });
  }

  #answer(call: Call, value: Jelly): void {
    if (!call.answerRequired || this.isClosed) return;
    try {
      writeAnswer(this.#writer, call.request, value);
    } catch (error) {
      writeError(this.#writer, call.request, toFailure(error));
    }
    this.#flushSoon();
  }

  #refuse(call: Call, reason: ReturnType<typeof toFailure>): void {
    if (!call.answerRequired || this.isClosed) return;
    writeError(this.#writer, call.request, reason);
    this.#flushSoon();
  }

  #send(
    object: number,
    method: string,
    args: readonly Jelly[],
    kwargs: Dictionary,
    answerRequired: boolean,
  ): number {
    if (this.isClosed) throw new SessionLost("the connection is closed");
    const request = this.#lastRequest + 1;
    writeCall(this.#writer, { request, object, method, answerRequired, args, kwargs });
    this.#lastRequest = request;
    this.#flushSoon();
    return request;
  }

  #hold(): void {
    if (this.#holds++ > 0) return;
    this.#holdCount++;
    this.#socket.pause();
  }

  #release(): void {
    if (--this.#holds > 0 || this.isClosed) return;
    // What was decoded in part comes first; it may well hold again.
    this.#read();
    if (this.#holds === 0 && !this.isClosed) this.#socket.resume();
  }

  #flushSoon(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      if (!this.isClosed) this.#flush();
    });
  }

  #flush(): void {
    if (this.#writer.length === 0 || this.#socket.destroyed || !this.#socket.writable) return;
    this.#socket.write(this.#writer.take());
    const unsent = this.#socket.writableLength;
    if (unsent > this.#settings.maxUnsentBytes) {
      this.abort({ code: "too-slow", message: `the peer left ${unsent} bytes unread` });
    }
  }
}
