/**
 * From a connected stranger to a session of the fleet (protocol §2.7, §6.1).
 *
 *   stranger    may call `root.login(name)`; is answered by a challenge, known or not
 *   challenged  may call `challenger.respond(response, bot)`
 *   proving     passwords are looked up and compared, then the fleet is asked; the worker's bot is
 *               called meanwhile, and only the end of it answers `respond`
 *   attached    the answer was the perspective
 *   refused     the answer was an unauthorized login, which makes a worker come again later; any
 *               other failure would make the worker's process exit
 *
 * A call that does not fit the state ends the connection.
 */

import type { Duplex } from "node:stream";
import type { CloseReason, Hello, Peer, RefusalReason, WorkerDoor } from "../contract";
import { FirstWords, type Wire } from "../first-words";
import type { Jelly } from "./codec";
import {
  asBytes,
  asString,
  FailureType,
  failure,
  Remote,
  STRANGER_LIMITS,
  TRUSTED_LIMITS,
  Tuple,
} from "./codec";
import { BrokerConnection } from "./connection";
import { AnswerFailure, messageOf, noSuchMethod, ProtocolViolation } from "./errors";
import { CHALLENGE_BYTES, provesPassword } from "./login";
import type { LocalObject } from "./object-table";
import { PbSession } from "./session";
import type { PbSettings } from "./settings";

const MAX_NAME_BYTES = 1024;

export interface AttachOptions {
  readonly door: WorkerDoor;
  /** The door's `refused`, made safe to call. */
  readonly refused: WorkerDoor["refused"];
  readonly isTls: boolean;
  readonly wire: Wire;
  readonly settings: PbSettings;
  readonly loginTimeoutMs: number;
  readonly keepaliveIntervalSeconds: number | null;
  readonly nextCommandId: () => string;
  /** Called once, when the worker is attached: it no longer counts as a stranger. */
  readonly onAttached: () => void;
}

/** Serves one peer until its connection ends. The caller keeps the connection to end it. */
export function attach(socket: Duplex, peer: Peer, options: AttachOptions): BrokerConnection {
  return new Attachment(socket, peer, options).connection;
}

class Attachment {
  readonly connection: BrokerConnection;
  readonly #peer: Peer;
  readonly #options: AttachOptions;
  readonly #firstWords: FirstWords;
  #state: "stranger" | "challenged" | "proving" | "attached" | "refused" = "stranger";
  #loginName: string | null = null;
  #timer: NodeJS.Timeout;
  readonly #silence: NodeJS.Timeout;
  #isSilenceTold = false;

  constructor(socket: Duplex, peer: Peer, options: AttachOptions) {
    this.#peer = peer;
    this.#options = options;
    const root: LocalObject = {
      call: (method, args) => {
        if (method !== "login") throw noSuchMethod(method);
        return this.#login(args);
      },
    };
    this.connection = new BrokerConnection(socket, peer, root, options.settings);
    this.#timer = setTimeout(() => this.#expire(), options.loginTimeoutMs);
    const door = { protocol: "pb", isTls: options.isTls } as const;
    this.#firstWords = new FirstWords(socket, options.wire, door, ({ detail }) =>
      this.connection.close({ code: "protocol-error", message: detail }),
    );
    this.#silence = setTimeout(() => this.#noticeSilence(), options.settings.silenceMs);
    void this.connection.closed.then((reason) => this.#closed(reason));
  }

  #login(args: readonly Jelly[]): Jelly {
    if (this.#state !== "stranger") throw new ProtocolViolation("the peer logged in twice");
    const bytes = asBytes(args[0]);
    const name = asString(args[0]);
    if (bytes === null || name === null || bytes.length > MAX_NAME_BYTES) {
      throw new ProtocolViolation("the login has no name");
    }
    this.#state = "challenged";
    this.#loginName = name;
    const challenge = this.#options.settings.randomBytes(CHALLENGE_BYTES);
    const challenger = this.connection.objects.expose({
      call: (method, respondArgs) => {
        if (method !== "respond") throw noSuchMethod(method);
        return this.#respond(name, challenge, respondArgs);
      },
    });
    return new Tuple(challenge, new Remote(challenger));
  }

  #respond(name: string, challenge: Uint8Array, args: readonly Jelly[]): Promise<Jelly> {
    if (this.#state !== "challenged") throw new ProtocolViolation("the peer responded twice");
    const response = asBytes(args[0]);
    const bot = args[1];
    if (response === null || !(bot instanceof Remote)) {
      throw new ProtocolViolation("the response to the challenge is malformed");
    }
    this.#state = "proving";
    return this.#prove(name, challenge, response, bot.id);
  }

  async #prove(
    name: string,
    challenge: Uint8Array,
    response: Uint8Array,
    bot: number,
  ): Promise<Jelly> {
    const { door, settings } = this.#options;
    let passwords: readonly string[] | null;
    try {
      passwords = await door.credentials(name, this.#peer);
    } catch (error) {
      return this.#refuse("not-admitted", bot, `passwords cannot be read: ${messageOf(error)}`);
    }
    if (!provesPassword(passwords, challenge, response)) {
      if (passwords === null) return this.#refuse("unknown-name", bot, "unknown worker name");
      return this.#refuse("wrong-password", bot, "wrong password");
    }
    if (this.connection.isClosed) return null;
    this.connection.limits = TRUSTED_LIMITS;
    const hello: Hello = { loginName: name, protocol: "pb", peer: this.#peer };
    const session = new PbSession(
      this.connection,
      hello,
      bot,
      settings,
      this.#options.nextCommandId,
    );
    return this.#admit(hello, session, bot);
  }

  async #admit(hello: Hello, session: PbSession, bot: number): Promise<Jelly> {
    let admission: Awaited<ReturnType<WorkerDoor["admit"]>>;
    try {
      admission = await this.#options.door.admit(hello, session);
    } catch (error) {
      admission = { admitted: false, reason: messageOf(error) };
    }
    if (!admission.admitted) return this.#refuse("not-admitted", bot, admission.reason);
    if (this.connection.isClosed) return null;
    this.#state = "attached";
    clearTimeout(this.#timer);
    this.#options.onAttached();
    const interval = this.#options.keepaliveIntervalSeconds;
    if (interval !== null) session.keepAliveEvery(interval);
    const { onDrainRequested } = admission;
    const perspective: LocalObject = {
      call: (method) => {
        if (method === "shutdown") onDrainRequested();
        else if (method !== "keepalive") throw noSuchMethod(method);
        return null;
      },
    };
    return new Remote(this.connection.objects.expose(perspective));
  }

  /** Throws the failure that answers `respond`, so that the worker comes again later. */
  #refuse(reason: RefusalReason, bot: number, detail: string): never {
    if (!this.connection.isClosed) {
      this.#state = "refused";
      this.#tellDoor(reason, detail);
      this.connection.limits = STRANGER_LIMITS;
      this.connection.decref(bot);
      clearTimeout(this.#timer);
      const { refusedLingerMs } = this.#options.settings;
      this.#timer = setTimeout(
        () => this.connection.close({ code: "dropped-by-us", message: detail }),
        refusedLingerMs,
      );
    }
    throw new AnswerFailure(
      failure(FailureType.unauthorized, "", [
        FailureType.unauthorized,
        "twisted.cred.error.LoginFailed",
        "twisted.cred.error.Unauthorized",
        "builtins.Exception",
      ]),
    );
  }

  #expire(): void {
    this.connection.close({ code: "timeout", message: "the login took too long" });
  }

  #noticeSilence(): void {
    if (!this.#firstWords.isSilent) return;
    this.#isSilenceTold = true;
    this.#tellDoor("silent", `not a byte in ${this.#options.settings.silenceMs} ms`);
  }

  #closed(reason: CloseReason): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    if (this.#state === "attached" || this.#state === "refused") return;
    const words = this.#firstWords;
    const misunderstood = this.#loginName === null ? words.explain() : null;
    if (misunderstood) this.#tellDoor(misunderstood.reason, misunderstood.detail);
    else if (words.isSilent && this.#isSilenceTold) return;
    else if (reason.code === "timeout") this.#tellDoor("timeout", reason.message);
    else if (reason.code === "protocol-error") this.#tellDoor("malformed", reason.message);
    else if (reason.code === "peer-closed" || reason.code === "peer-reset") {
      const leaving = words.explainLeaving();
      if (leaving) this.#tellDoor(leaving.reason, leaving.detail);
    }
  }

  #tellDoor(reason: RefusalReason, detail: string): void {
    this.#options.refused(reason, this.#peer, this.#loginName, detail);
  }
}
