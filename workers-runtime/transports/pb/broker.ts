/**
 * The worker's end of one Perspective Broker connection: calls both ways (protocol §2.2 to §2.5).
 *
 *   choosing   the master offers its dialects; we take `pb`
 *   versioned  its first message must be `["version", 6]`
 *   open       calls, answers, releases
 *   closed     for one reason, told once; every outstanding call fails
 *
 * What is written during one turn of the event loop goes out as one packet. How much of it the socket
 * still holds is what producers of output look at (`isFull`).
 */
import type { Duplex } from "node:stream";
import type {
  BananaLimits,
  Call,
  Dictionary,
  Failure,
  Jelly,
} from "../../../server/protocols/pb/codec";
import {
  asItems,
  asString,
  BananaDecoder,
  BananaWriter,
  BROKER_VERSION,
  BrokerError,
  type BrokerMessage,
  FailureType,
  failure,
  Dictionary as JellyDictionary,
  ROOT,
  readBrokerMessage,
  TRUSTED_LIMITS,
  writeAnswer,
  writeCall,
  writeDecref,
  writeError,
  writeVersion,
} from "../../../server/protocols/pb/codec";
import type { CloseReason } from "../transport";

const DIALECT = "pb";
const NO_KEYWORDS = new JellyDictionary();
/** Unsent bytes above which producers of output should stop. */
const FULL_BYTES = 1024 * 1024;
/** Unsent bytes above which the master is not heard: it asks, and does not read the answers. */
const DEAF_BYTES = 8 * FULL_BYTES;
/** Calls of the master under way at once above which it is not heard. */
const MOST_SERVED = 256;
/** Calls that wait for an answer. A master answers at once, so one that owes so many is none. */
const MOST_OUTSTANDING = 100_000;
const CLOSE_GRACE_MS = 1_000;

/** An object of ours that the master may call. Throwing, or rejecting, is answered by a failure. */
export interface LocalObject {
  call(method: string, args: readonly Jelly[], kwargs: Dictionary): Jelly | Promise<Jelly>;
}

/** A failure that goes to the master as it is. */
export class AnswerFailure extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

/** What the master answered instead of a value. */
export class RemoteFailure extends Error {
  override readonly name = "RemoteFailure";
  constructor(readonly failure: Failure) {
    super(failure.message === "" ? failure.type : failure.message);
  }
}

/** The connection went away while something was asked. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

interface Outstanding {
  resolve(value: Jelly): void;
  reject(error: Error): void;
}

interface Exposed {
  readonly object: LocalObject;
  readonly number: number;
  sent: number;
}

export class Broker {
  readonly closed: Promise<CloseReason>;
  readonly #socket: Duplex;
  readonly #decoder: BananaDecoder;
  readonly #writer = new BananaWriter({ usesVocabulary: false });
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #exposed = new Map<number, Exposed>();
  readonly #numbers = new Map<LocalObject, Exposed>();
  readonly #onOpen: () => void;
  #waitingForRoom: (() => void)[] = [];
  #served = 0;
  #lastRequest = 0;
  #lastNumber = 0;
  #flushScheduled = false;
  #state: "choosing" | "versioned" | "open" | "closed" = "choosing";
  #settleClosed: (reason: CloseReason) => void = () => {};

  /** `onOpen` is called once, when calls can be made. */
  constructor(socket: Duplex, onOpen: () => void, limits: BananaLimits = TRUSTED_LIMITS) {
    this.#socket = socket;
    this.#onOpen = onOpen;
    this.#decoder = new BananaDecoder(limits);
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("drain", () => this.#room());
    socket.on("error", (error) => this.abort(error.message));
    socket.on("end", () => this.close("the master closed the connection"));
    socket.on("close", () => this.abort("the connection was closed"));
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  get isFull(): boolean {
    return !this.isClosed && this.#unsent > FULL_BYTES;
  }

  get #unsent(): number {
    return this.#writer.length + this.#socket.writableLength;
  }

  /** Calls back once, when the socket has taken all, or is gone. */
  onRoom(resume: () => void): void {
    this.#waitingForRoom.push(resume);
    if (this.isClosed) this.#room();
  }

  /** The number of an object of ours, to be sent once now: the master owes one release for it. */
  expose(object: LocalObject): number {
    let entry = this.#numbers.get(object);
    if (entry === undefined) {
      entry = { object, number: ++this.#lastNumber, sent: 0 };
      this.#numbers.set(object, entry);
      this.#exposed.set(entry.number, entry);
    }
    entry.sent++;
    return entry.number;
  }

  /** Calls a method of the master's. Rejects with `RemoteFailure` or `ConnectionLost`. */
  call(object: number | typeof ROOT, method: string, ...args: readonly Jelly[]): Promise<Jelly> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) throw new ConnectionLost("the connection is closed");
      const request = this.#lastRequest + 1;
      writeCall(this.#writer, {
        ...{ request, object, method, answerRequired: true, args, kwargs: NO_KEYWORDS },
      });
      this.#lastRequest = request;
      this.#outstanding.set(request, { resolve, reject });
      if (this.#outstanding.size > MOST_OUTSTANDING) this.abort("the master does not answer");
      this.#flushSoon();
    });
  }

  /** Calls a method whose answer, good or bad, is of no interest; null work when closed. */
  tell(object: number, method: string, ...args: readonly Jelly[]): void {
    if (!this.isClosed) this.call(object, method, ...args).catch(() => {});
  }

  /** Lets go of one count of a master's object. */
  decref(object: number): void {
    if (this.isClosed) return;
    writeDecref(this.#writer, object);
    this.#flushSoon();
  }

  /** Ends the connection; what was written still goes out. Only the first reason counts. */
  close(message: string, isRefusal = false): void {
    if (this.isClosed) return;
    this.#flush();
    this.#finish({ message, isRefusal });
    const socket = this.#socket;
    socket.end();
    const timer = setTimeout(() => socket.destroy(), CLOSE_GRACE_MS);
    socket.once("close", () => clearTimeout(timer));
  }

  /** Ends the connection at once, without sending what is left. */
  abort(message: string): void {
    this.#finish({ message, isRefusal: false });
    this.#socket.destroy();
  }

  #finish(reason: CloseReason): void {
    if (this.isClosed) return;
    this.#state = "closed";
    const lost = new ConnectionLost(reason.message);
    for (const outstanding of this.#outstanding.values()) outstanding.reject(lost);
    this.#outstanding.clear();
    this.#exposed.clear();
    this.#numbers.clear();
    this.#settleClosed(reason);
    this.#room();
  }

  #room(): void {
    const waiting = this.#waitingForRoom;
    this.#waitingForRoom = [];
    for (const resume of waiting) resume();
    this.#hear();
  }

  /** Reads on, or not while the master asks more than it lets us answer. */
  #hear(): void {
    if (this.isClosed) return;
    if (this.#unsent > DEAF_BYTES || this.#served > MOST_SERVED) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #receive(chunk: Buffer): void {
    if (this.isClosed) return;
    this.#decoder.push(chunk);
    try {
      for (let next = this.#decoder.next(); next !== undefined; next = this.#decoder.next()) {
        if (this.#state === "choosing") this.#choose(next);
        else this.#handle(readBrokerMessage(next));
        if (this.isClosed) return;
      }
      this.#hear();
    } catch (error) {
      this.close(messageOf(error));
    }
  }

  #choose(offered: unknown): void {
    const names = Array.isArray(offered) ? offered : [];
    if (!names.some((name) => asString(name) === DIALECT)) {
      throw new BrokerError("the master speaks no dialect of ours");
    }
    this.#writer.text(DIALECT);
    this.#decoder.usesVocabulary = true;
    this.#writer.usesVocabulary = true;
    writeVersion(this.#writer);
    this.#state = "versioned";
    // The master does not wait for our version before its own, nor we for its before the login.
    this.#onOpen();
    this.#flushSoon();
  }

  #handle(message: BrokerMessage): void {
    if (this.#state === "versioned") {
      if (message.kind !== "version" || message.version !== BROKER_VERSION) {
        throw new BrokerError("the master speaks another version");
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
        this.#release(message.object);
        return;
      case "version":
        throw new BrokerError("the master told its version twice");
    }
  }

  #take(request: number): Outstanding | undefined {
    const outstanding = this.#outstanding.get(request);
    this.#outstanding.delete(request);
    return outstanding;
  }

  #release(number: number): void {
    const entry = this.#exposed.get(number);
    if (entry === undefined || --entry.sent > 0) return;
    this.#exposed.delete(number);
    this.#numbers.delete(entry.object);
  }

  #serve(call: Call): void {
    const object = call.object === ROOT ? undefined : this.#exposed.get(call.object)?.object;
    if (object === undefined) {
      this.#refuse(call, new AnswerFailure(failure(FailureType.pbError, "Invalid Object ID")));
      return;
    }
    let result: Jelly | Promise<Jelly>;
    try {
      result = object.call(call.method, call.args, call.kwargs);
    } catch (error) {
      this.#refuse(call, error);
      return;
    }
    if (!(result instanceof Promise)) {
      this.#answer(call, result);
      return;
    }
    this.#served++;
    result
      .then(
        (value) => this.#answer(call, value),
        (error: unknown) => this.#refuse(call, error),
      )
      .finally(() => {
        this.#served--;
        this.#hear();
      });
  }

  #answer(call: Call, value: Jelly): void {
    if (!call.answerRequired || this.isClosed) return;
    try {
      writeAnswer(this.#writer, call.request, value);
    } catch (error) {
      this.#refuse(call, error);
    }
    this.#flushSoon();
  }

  #refuse(call: Call, error: unknown): void {
    if (!call.answerRequired || this.isClosed) return;
    const told =
      error instanceof AnswerFailure
        ? error.failure
        : failure("builtins.RuntimeError", messageOf(error));
    writeError(this.#writer, call.request, told);
    this.#flushSoon();
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
    if (this.#writer.length === 0 || !this.#socket.writable) return;
    // Without a full buffer there is no `drain`; whoever found us full meanwhile must be told.
    if (this.#socket.write(this.#writer.take())) this.#room();
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The items of a jelly list or tuple; none for anything else. */
export function itemsOf(value: Jelly | undefined): readonly Jelly[] {
  return asItems(value) ?? [];
}
