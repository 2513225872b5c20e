/**
 * From a connected stranger to a session of the fleet (protocol §3.1, §6.1).
 *
 *   handshake  the peer's HTTP request is awaited
 *   proving    passwords are looked up and compared
 *   attaching  the WebSocket is open and the fleet is asked; it calls the worker meanwhile
 *   attached   the worker serves
 *   refused    the request was answered by an error, or the WebSocket by a Close frame; a real worker
 *              comes again later either way
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket, WebSocketServer } from "ws";
import { PROBE_HEADER } from "../../domain/workers/probe";
import {
  type CloseReason,
  type Hello,
  LoginRefused,
  type RefusalReason,
  type WorkerDoor,
} from "../contract";
import { messageOf } from "../errors";
import type { Newcomer, PeerConnection } from "../port";
import { Stranger } from "../stranger";
import { isPassword, readBasicAuth } from "./basic-auth";
import { MsgpackConnection } from "./connection";
import { MsgpackSession } from "./session";
import type { MsgpackSettings } from "./settings";

/** After our answer, how long the peer may take to hang up. */
const CLOSE_GRACE_MS = 1_000;
const FOR_PEOPLE = "Build workers connect here, over WebSocket. There is nothing to see.\n";

const STATUS = {
  400: "Bad Request",
  401: "Unauthorized",
  503: "Service Unavailable",
} as const;

export interface AttachOptions extends Newcomer {
  readonly door: WorkerDoor;
  readonly settings: MsgpackSettings;
  readonly loginTimeoutMs: number;
  readonly nextCommandId: () => string;
  readonly websockets: WebSocketServer;
}

export class Attachment implements PeerConnection {
  readonly closed: Promise<CloseReason>;
  readonly #socket: Duplex;
  readonly #options: AttachOptions;
  readonly #stranger: Stranger;
  #state: "handshake" | "proving" | "attaching" | "attached" | "refused" = "handshake";
  #connection: MsgpackConnection | null = null;
  #isClosed = false;
  #settleClosed: (reason: CloseReason) => void = () => {};
  readonly #timer: NodeJS.Timeout;

  constructor(socket: Duplex, options: AttachOptions) {
    this.#socket = socket;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#stranger = new Stranger(socket, options, {
      protocol: "msgpack",
      silenceMs: options.settings.silenceMs,
      // The parser comes to the same end, and gives an answer.
      onClear: () => {},
    });
    // A socket that failed has closed, too.
    socket.on("error", () => {});
    socket.once("close", () => {
      if (this.#connection !== null) return;
      this.#finish({ code: "peer-closed", message: "the peer closed the connection" });
    });
    this.#timer = setTimeout(
      () => this.close({ code: "timeout", message: "the login took too long" }),
      options.loginTimeoutMs,
    );
  }

  close(reason: CloseReason): void {
    if (this.#connection !== null) {
      this.#connection.close(reason);
      return;
    }
    this.#finish(reason);
    this.#socket.destroy();
  }

  /** Somebody's browser, or a probe: an answer in words. */
  visited(request: IncomingMessage, response: ServerResponse): void {
    if (request.headers[PROBE_HEADER] !== undefined) this.#stranger.excused();
    this.#refuse("http", `its first word is ${request.method}`);
    response.writeHead(426, {
      connection: "close",
      upgrade: "websocket",
      "content-type": "text/plain; charset=utf-8",
    });
    response.end(FOR_PEOPLE);
    this.#hangUpSoon();
  }

  malformed(detail: string): void {
    this.#refuse("malformed", detail);
    this.#answer(400);
  }

  /** Never rejects. */
  async upgrade(request: IncomingMessage, head: Buffer): Promise<void> {
    if (this.#state !== "handshake") return;
    const header = request.headers.authorization;
    if (header === undefined) {
      this.#refuse("malformed", "a handshake without a name and a password");
      this.#answer(401);
      return;
    }
    const given = readBasicAuth(header);
    if (given === null) {
      this.malformed("the Authorization header cannot be read");
      return;
    }
    this.#state = "proving";
    this.#stranger.loginName = given.name;
    let passwords: readonly string[] | null;
    try {
      passwords = await this.#options.door.credentials(given.name, this.#options.peer);
    } catch (error) {
      const isRefused = error instanceof LoginRefused;
      if (isRefused) this.#refuse(error.reason, error.message);
      else this.#refuse("not-admitted", `passwords cannot be read: ${messageOf(error)}`);
      this.#answer(isRefused ? 401 : 503);
      return;
    }
    if (!isPassword(passwords, given.password)) {
      if (passwords === null) this.#refuse("unknown-name", "unknown worker name");
      else this.#refuse("wrong-password", "wrong password");
      this.#answer(401);
      return;
    }
    if (this.#isClosed) return;
    this.#options.websockets.handleUpgrade(request, this.#socket, head, (websocket) => {
      void this.#open(websocket, given.name);
    });
    // What is no handshake was answered; its socket closes, and nothing else is heard of it.
    if (this.#connection === null)
      this.#refuse("malformed", "the WebSocket handshake is malformed");
  }

  async #open(websocket: WebSocket, loginName: string): Promise<void> {
    const { door, peer, settings, nextCommandId } = this.#options;
    this.#state = "attaching";
    const hello: Hello = { loginName, protocol: "msgpack", peer };
    const connection = new MsgpackConnection(websocket, this.#socket, settings);
    this.#connection = connection;
    void connection.closed.then((reason) => this.#finish(reason));
    const session = new MsgpackSession(connection, hello, settings, nextCommandId);
    let admission: Awaited<ReturnType<WorkerDoor["admit"]>>;
    try {
      admission = await door.admit(hello, session);
    } catch (error) {
      admission = { admitted: false, reason: messageOf(error) };
    }
    if (!admission.admitted) {
      this.#refuse("not-admitted", admission.reason);
      connection.close({ code: "dropped-by-us", message: admission.reason });
      return;
    }
    if (this.#isClosed) return;
    this.#state = "attached";
    clearTimeout(this.#timer);
    this.#stranger.attached();
    session.attached(() => admission.onDrainRequested());
  }

  /** The same bytes whether the name is unknown or the password wrong. */
  #answer(status: keyof typeof STATUS): void {
    if (this.#isClosed || this.#socket.destroyed) return;
    const challenge = status === 401 ? 'WWW-Authenticate: Basic realm="workers"\r\n' : "";
    this.#socket.end(
      `HTTP/1.1 ${status} ${STATUS[status]}\r\n${challenge}Connection: close\r\nContent-Length: 0\r\n\r\n`,
    );
    this.#hangUpSoon();
  }

  #hangUpSoon(): void {
    // What the peer says is not listened to any more, only that it goes.
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), CLOSE_GRACE_MS);
    timer.unref();
    this.#socket.once("close", () => clearTimeout(timer));
  }

  #refuse(reason: RefusalReason, detail: string): void {
    if (this.#isClosed || this.#state === "refused") return;
    this.#state = "refused";
    clearTimeout(this.#timer);
    this.#stranger.refused(reason, detail);
  }

  #finish(reason: CloseReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#settleClosed(reason);
    this.#stranger.closed(reason);
  }
}
