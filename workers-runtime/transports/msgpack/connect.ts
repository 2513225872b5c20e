/**
 * A worker's life on one msgpack connection (protocol §3.3, §6.1).
 *
 *   login      is the WebSocket's handshake
 *   attached   the master has told its settings, the last that it wants before it gives commands
 *   refused    401, or closed before that: whoever asked for the connection tries again later
 *
 * Commands belong to no builder: the master tells them apart by their ids.
 */
import type { Duplex } from "node:stream";
import { KEEP_ONLY, keyOf, LEAVING } from "../../../server/domain/wire";
import {
  asFields,
  asItems,
  asNumber,
  asString,
  DRAIN_OP,
  type Fields as MsgpackFields,
  NEWLINE_RE,
  Refusal,
  type Value,
} from "../../../server/protocols/msgpack/codec";
import { CommandError } from "../arguments";
import type { Connection, Credentials, Transport, WorkerHost } from "../transport";
import { commandChannel } from "./channel";
import { type Address, Link } from "./link";
import { readCommand } from "./read-command";

export function msgpackTransport(address: Address): Transport {
  return (socket, credentials, host) => new MsgpackConnection(socket, address, credentials, host);
}

class MsgpackConnection implements Connection {
  readonly attached: Promise<boolean>;
  readonly closed: Connection["closed"];
  readonly #link: Link;
  readonly #host: WorkerHost;
  #settleAttached: (isAttached: boolean) => void = () => {};
  /** The master has used a word of ours. */
  #knowsKeeping = false;

  constructor(socket: Duplex, address: Address, credentials: Credentials, host: WorkerHost) {
    this.#host = host;
    this.attached = new Promise((resolve) => {
      this.#settleAttached = resolve;
    });
    this.#link = new Link(socket, address, credentials, ({ op, fields }) =>
      this.#serve(op, fields),
    );
    this.closed = this.#link.closed;
    void this.closed.then(() => this.#settleAttached(false));
  }

  /** Buildbot's masters know no such request and say so; ours does. */
  async askToDrain(): Promise<void> {
    await this.#link.request(DRAIN_OP, {});
  }

  keepAlive(timeoutMs: number): Promise<boolean> {
    return this.#link.ping(timeoutMs);
  }

  close(message: string): void {
    this.#link.close(message);
  }

  leave(message: string): void {
    if (this.#knowsKeeping) this.#link.tell(LEAVING, {});
    this.close(message);
  }

  #serve(op: string, fields: MsgpackFields): Value | Promise<Value> {
    switch (op) {
      case "print":
        this.#host.said(asString(fields.get("message")) ?? "");
        return null;
      case "keepalive":
        return null;
      case "get_worker_info":
        return this.#host.describe();
      case "set_worker_settings":
        this.#takeSettings(asFields(fields.get("args")));
        this.#settleAttached(true);
        return null;
      case "start_command":
        return this.#startCommand(fields);
      case "interrupt_command": {
        const [id, why] = ["command_id", "why"].map((key) => asString(fields.get(key)) ?? "");
        this.#host.interrupt(null, id ?? "", why ?? "");
        return null;
      }
      case KEEP_ONLY.msgpack:
        this.#knowsKeeping = true;
        this.#host.keepOnly(
          (asItems(fields.get("builders")) ?? []).flatMap((name) => asString(name) ?? []),
        );
        return null;
      case "shutdown":
        // Answered first; the process goes a moment later.
        this.#host.shutdown();
        return null;
      default:
        throw new Error(Refusal.unknownOp(op.slice(0, 100)));
    }
  }

  /**
   * What they bound is kept within tighter bounds of our own: output leaves sooner and in lines that
   * are cut later. Only another idea of what ends a line would make a difference.
   */
  #takeSettings(settings: MsgpackFields | null): void {
    const keys = ["buffer_size", "buffer_timeout", "newline_re", "max_line_length"];
    const missing = keys.find((key) => !settings?.has(key));
    if (missing !== undefined) throw new Error(`set_worker_settings: '${missing}' is missing`);
    if (asString(settings?.get("newline_re")) !== NEWLINE_RE) {
      this.#host.said("(its newline_re is not used: lines end as they always did)");
    }
  }

  #startCommand(fields: MsgpackFields): string | null {
    const id = asString(fields.get("command_id"));
    const name = asString(fields.get("command_name"));
    const args = asFields(fields.get("args"));
    if (id === null || name === null || args === null) {
      throw new CommandError("start_command has wrong arguments");
    }
    const command = readCommand(name, id, args, this.#link);
    const channel = commandChannel(this.#link, id);
    const [step, ordinal] = asItems(fields.get("keep")) ?? [];
    const key = keyOf(asString(step ?? null), asNumber(ordinal ?? null));
    const builder = asString(fields.get("builder_name"));
    if (key !== null && builder !== null) {
      this.#knowsKeeping = true;
      return this.#host.keep(builder, id, command, channel, key);
    }
    this.#host.start(null, id, command, channel);
    return null;
  }
}
