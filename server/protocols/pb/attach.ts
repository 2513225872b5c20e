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
import { LEAVING } from "../../domain/wire";
import { LEFT } from "../command-ends";
import {
  type CloseReason,
  type Hello,
  LoginRefused,
  type Peer,
  type RefusalReason,
  type WorkerDoor,
} from "../contract";
import type { Newcomer } from "../port";
import { Stranger } from "../stranger";
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

export interface AttachOptions extends Newcomer {
  readonly door: WorkerDoor;
  readonly settings: PbSettings;
  readonly loginTimeoutMs: number;
  readonly nextCommandId: () => string;
}

/** Serves one peer until its connection ends. The caller keeps the connection to end it. */
export function attach(socket: Duplex, options: AttachOptions): BrokerConnection {
  return new Attachment(socket, options).connection;
}

class Attachment {
  readonly connection: BrokerConnection;
  readonly #peer: Peer;
  readonly #options: AttachOptions;
  readonly #stranger: Stranger;
  #state: "stranger" | "challenged" | "proving" | "attached" | "refused" = "stranger";
  #timer: NodeJS.Timeout;

  constructor(socket: Duplex, options: AttachOptions) {
    const { peer } = options;
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
    this.#stranger = new Stranger(socket, options, {
      protocol: "pb",
      silenceMs: options.settings.silenceMs,
      onClear: ({ detail }) => this.connection.close({ code: "protocol-error", message: detail }),
    });
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
    this.#stranger.loginName = name;
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
      if (error instanceof LoginRefused) return this.#refuse(error.reason, bot, error.message);
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
    this.#stranger.attached();
    const { onDrainRequested } = admission;
    const perspective: LocalObject = {
      call: (method) => {
        if (method === "shutdown") onDrainRequested();
        else if (method === LEAVING) this.connection.close(LEFT);
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
      this.#stranger.refused(reason, detail);
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

  #closed(reason: CloseReason): void {
    clearTimeout(this.#timer);
    this.#stranger.closed(reason);
  }
}
