/**
 * What a connection that never said a name spoke instead of its door's protocol: told by its first
 * bytes, so that a page can name the layer that failed in place of "malformed".
 */
import type { Duplex } from "node:stream";
import type { RefusalReason } from "./contract";
import { readProxyHeader } from "./proxy-header";

/** Enough for the head of a WebSocket handshake with its `Upgrade` line. */
const KEPT_BYTES = 1_024;

export interface DoorKind {
  readonly protocol: "pb" | "msgpack";
  readonly isTls: boolean;
}

/** What came over the wire, before a TLS library made anything of it. */
export interface Wire {
  readonly bytesRead: number;
}

export interface Misunderstanding {
  readonly reason: RefusalReason;
  readonly detail: string;
}

/**
 * @param heard what came first, decrypted where the door speaks TLS
 * @param failure the socket's or the TLS library's error, as code and message, if there was one
 * @returns null when nothing is known better than what the protocol itself says
 */
export function misunderstanding(
  door: DoorKind,
  heard: Uint8Array,
  failure: string | null,
): Misunderstanding | null {
  const untold = door.isTls && failure !== null ? tlsFailure(failure) : null;
  if (untold !== null) return untold;
  if (heard[0] === 0x16 && heard[1] === 0x03 && !door.isTls) {
    return { reason: "tls-at-plain-door", detail: "its first bytes begin a TLS handshake" };
  }
  if (readProxyHeader(heard).kind === "header") {
    return {
      reason: "proxy-header",
      detail: "its address is not in SLIPWAY_TRUSTED_PROXY, or the header came late",
    };
  }
  const text = Buffer.from(heard).toString("latin1");
  const [, method] = /^(GET|HEAD|POST|PUT|OPTIONS|CONNECT) /.exec(text) ?? [];
  if (method !== undefined) {
    const isWebSocket = /^upgrade:\s*websocket/im.test(text);
    if (!isWebSocket) return { reason: "http", detail: `its first word is ${method}` };
    if (door.protocol === "msgpack") return null;
    return { reason: "msgpack-at-pb-door", detail: "it asked for a WebSocket" };
  }
  if (door.protocol === "msgpack" && text.startsWith("\u0002\u0082pb")) {
    return { reason: "pb-at-msgpack-door", detail: "it chose the dialect of Perspective Broker" };
  }
  return null;
}

function tlsFailure(failure: string): Misunderstanding | null {
  const words = failure.toLowerCase().replaceAll("_", " ");
  const [plain] =
    /http request|wrong version number|packet length too long|unexpected message/.exec(words) ?? [];
  if (plain) return { reason: "plain-at-tls-door", detail: `no TLS handshake: ${plain}` };
  const [alert] =
    /alert (unknown ca|bad certificate|certificate \w+|unsupported certificate)/.exec(words) ?? [];
  return alert ? { reason: "untrusted-certificate", detail: alert } : null;
}

/** Keeps the beginning of what a socket says, without holding anything up. */
export class FirstWords {
  #heard = Buffer.alloc(0);
  #failure: string | null = null;

  /** @param onClear called at once when it is clear that this is no worker of this door */
  constructor(
    socket: Duplex,
    readonly wire: Wire,
    readonly door: DoorKind,
    onClear: (what: Misunderstanding) => void,
  ) {
    const listen = (chunk: Buffer) => {
      this.#heard = Buffer.concat([this.#heard, chunk]).subarray(0, KEPT_BYTES);
      const isWhole = this.#heard.length === KEPT_BYTES || this.#heard.includes("\r\n\r\n");
      // The head of an HTTP request is read to its end: it may ask for a WebSocket.
      const what = isWhole || this.#heard[0] === 0x16 ? this.explain() : null;
      if (!isWhole && what === null) return;
      socket.off("data", listen);
      if (what !== null) onClear(what);
    };
    socket.on("data", listen);
    socket.once("error", (error: NodeJS.ErrnoException) => {
      this.#failure = `${error.code ?? ""} ${error.message}`;
    });
  }

  /** Whether nothing was ever said, nor failed. */
  get isSilent(): boolean {
    return this.#heard.length === 0 && this.#failure === null;
  }

  explain(): Misunderstanding | null {
    return misunderstanding(this.door, this.#heard, this.#failure);
  }

  /** What is to be told of a peer that went away by itself; null: nothing, it had begun to talk. */
  explainLeaving(): Misunderstanding | null {
    if (!this.isSilent) return null;
    // It began a handshake, saw the certificate, and gave no other reason.
    const hasSeenCertificate = this.door.isTls && this.wire.bytesRead > 0;
    return hasSeenCertificate
      ? { reason: "untrusted-certificate", detail: "it went away during the TLS handshake" }
      : { reason: "left", detail: "not a byte came" };
  }
}
