/**
 * A connection until its worker is attached: what is told to the door of one that never is. At most
 * one reason for each, besides that it was silent for long.
 */
import type { Duplex } from "node:stream";
import type { CloseReason, RefusalReason } from "./contract";
import { type DoorKind, FirstWords, type Misunderstanding } from "./first-words";
import type { Newcomer } from "./port";

export interface StrangerOptions {
  readonly protocol: DoorKind["protocol"];
  /** How long a connection may say nothing before the door tells of it; it stays open. */
  readonly silenceMs: number;
  /** Called at once when it is clear that this is no worker of this door. */
  readonly onClear: (what: Misunderstanding) => void;
}

export class Stranger {
  /** What the peer calls itself, once it has said so. */
  loginName: string | null = null;
  readonly #newcomer: Newcomer;
  readonly #silenceMs: number;
  readonly #words: FirstWords;
  readonly #silence: NodeJS.Timeout;
  #isSilenceTold = false;
  #isOver = false;

  constructor(socket: Duplex, newcomer: Newcomer, options: StrangerOptions) {
    this.#newcomer = newcomer;
    this.#silenceMs = options.silenceMs;
    const kind = { protocol: options.protocol, isTls: newcomer.isTls };
    this.#words = new FirstWords(socket, newcomer.wire, kind, options.onClear);
    this.#silence = setTimeout(() => this.#noticeSilence(), options.silenceMs);
  }

  /** The worker is attached: a stranger no longer. */
  attached(): void {
    this.#end();
    this.#newcomer.onAttached();
  }

  /** We turned it away. What it spoke instead of the protocol explains more than that it was wrong. */
  refused(reason: RefusalReason, detail: string): void {
    if (!this.#end()) return;
    const misunderstood = this.loginName === null ? this.#words.explain() : null;
    this.#tell(misunderstood?.reason ?? reason, misunderstood?.detail ?? detail);
  }

  /** One of ours, who looked whether the door is open: there is nothing to tell. */
  excused(): void {
    this.#end();
  }

  /** Its connection ended, for whatever reason. */
  closed(reason: CloseReason): void {
    if (this.#isOver) return;
    const words = this.#words;
    if (this.loginName === null && words.explain() !== null) {
      this.refused("malformed", reason.message);
    } else if (words.isSilent && this.#isSilenceTold) this.#end();
    else if (reason.code === "timeout") this.refused("timeout", reason.message);
    else if (reason.code === "protocol-error") this.refused("malformed", reason.message);
    else if (reason.code === "peer-closed" || reason.code === "peer-reset") {
      // A peer that just goes away again is no refusal of ours.
      const leaving = words.explainLeaving();
      if (leaving === null) this.#end();
      else this.refused(leaving.reason, leaving.detail);
    } else this.#end();
  }

  #noticeSilence(): void {
    if (!this.#words.isSilent) return;
    this.#isSilenceTold = true;
    this.#tell("silent", `not a byte in ${this.#silenceMs} ms`);
  }

  #end(): boolean {
    clearTimeout(this.#silence);
    if (this.#isOver) return false;
    this.#isOver = true;
    return true;
  }

  #tell(reason: RefusalReason, detail: string): void {
    this.#newcomer.refused(reason, this.#newcomer.peer, this.loginName, detail);
  }
}
