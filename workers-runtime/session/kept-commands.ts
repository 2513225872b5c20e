/**
 * The commands this worker keeps: for each builder those of one step of one build, by their ordinals.
 *
 * A step is over when its builder is given another one's command, or when the master says that nobody
 * wants it any more. Transfers are kept only once they have ended: their other end is in the master's
 * process, so one that has not ended is given up with its connection, and run again when asked for.
 */
import { createHash } from "node:crypto";
import { type CommandKey, type Found, GONE } from "../../server/domain/wire";
import { isTransfer, type WorkerCommand } from "../commands";
import type { CommandChannel } from "../output/update";
import { KeptCommand } from "./kept-command";

export interface KeptCommandsOptions {
  readonly directory: string;
  /** Of output, for each command. */
  readonly maxBytes: number;
}

export interface KeptStart {
  readonly builder: string;
  /** By which the master interrupts it over this connection. */
  readonly id: string;
  readonly key: CommandKey;
  readonly command: WorkerCommand;
  readonly channel: CommandChannel;
  /** Begins the command under an id that no master gives; what it returns interrupts it. */
  readonly launch: (id: string, channel: CommandChannel) => (why: string) => void;
}

interface Kept {
  readonly command: KeptCommand;
  /** What was asked for; a key that comes with something else is a mistake of the master's. */
  readonly asked: string;
  readonly isTransfer: boolean;
}

interface Step {
  readonly name: string;
  readonly commands: Map<number, Kept>;
  /** Settles when what was given up for it, or before it, is gone. */
  settled: Promise<unknown>;
}

const OTHER_STEP = "another step's command was started";

export class KeptCommands {
  readonly #options: KeptCommandsOptions;
  readonly #steps = new Map<string, Step>();
  /** Ids of this connection. */
  readonly #heard = new Map<string, KeptCommand>();
  #last = 0;

  constructor(options: KeptCommandsOptions) {
    this.#options = options;
  }

  /** Something runs, or has ended unheard, that a master may want to hear of. */
  get isEmpty(): boolean {
    return this.#steps.size === 0;
  }

  start(asked: KeptStart): Found | `${typeof GONE}${string}` {
    const { builder, id, key, channel } = asked;
    const step = this.#stepOf(builder, key.step);
    const known = step.commands.get(key.ordinal);
    if (known !== undefined) {
      if (known.asked !== markOf(asked.command))
        return `${GONE}the step asks for another command now`;
      if (known.command.gone !== null) return `${GONE}${known.command.gone}`;
      this.#heard.set(id, known.command);
      const found = known.command.isEnded ? "ended" : "running";
      known.command.listen(channel);
      return found;
    }
    const command = this.#launched(asked, step.settled);
    step.commands.set(key.ordinal, {
      command,
      asked: markOf(asked.command),
      isTransfer: isTransfer(asked.command),
    });
    this.#heard.set(id, command);
    command.listen(channel);
    return "new";
  }

  #launched({ launch }: KeptStart, settled: Promise<unknown>): KeptCommand {
    let interrupt: ((why: string) => void) | null = null;
    let reason: string | null = null;
    const command: KeptCommand = new KeptCommand({
      ...this.#options,
      stop(why) {
        reason ??= why;
        interrupt?.(why);
      },
    });
    const id = `kept-${++this.#last}`;
    void settled.then(() => {
      try {
        interrupt = launch(id, command);
        if (reason !== null) interrupt(reason);
      } catch (error) {
        command.complete(error instanceof Error ? error.message : String(error));
      }
    });
    return command;
  }

  /** @returns whether the id is of a command that is kept */
  interrupt(id: string, why: string): boolean {
    const command = this.#heard.get(id);
    command?.stop(why);
    return command !== undefined;
  }

  /** The connection is gone: what is kept goes on alone. */
  detach(): void {
    this.#heard.clear();
    for (const step of this.#steps.values()) {
      for (const [ordinal, { command, isTransfer }] of step.commands) {
        command.detach();
        if (!isTransfer || command.isEnded) continue;
        step.commands.delete(ordinal);
        command.forget("the connection was lost");
        step.settled = Promise.all([step.settled, command.over]);
      }
    }
  }

  /** A command without a key was started for this builder, or the builder is gone. */
  forget(builder: string, why: string): void {
    const step = this.#steps.get(builder);
    this.#steps.delete(builder);
    for (const { command } of step?.commands.values() ?? []) command.forget(why);
  }

  /** Forgets what other builders run. */
  keepOnly(builders: ReadonlySet<string>, why: string): void {
    for (const builder of this.#steps.keys()) {
      if (!builders.has(builder)) this.forget(builder, why);
    }
  }

  /** Ends all of it; resolves when it has ended. */
  async end(why: string): Promise<void> {
    const steps = [...this.#steps.values()];
    this.keepOnly(new Set(), why);
    const commands = steps.flatMap((step) => [...step.commands.values()]);
    await Promise.all([
      ...steps.map(({ settled }) => settled),
      ...commands.map(({ command }) => command.over),
    ]);
  }

  #stepOf(builder: string, name: string): Step {
    const known = this.#steps.get(builder);
    if (known?.name === name) return known;
    const running = [...(known?.commands.values() ?? [])].map(({ command }) => command.over);
    this.forget(builder, OTHER_STEP);
    const step: Step = { name, commands: new Map(), settled: Promise.all(running) };
    this.#steps.set(builder, step);
    return step;
  }
}

/** The same for the same command; the environment and limits may have been rendered anew. */
function markOf({ name, args }: WorkerCommand): string {
  const what = name === "shell" ? { command: args.command, workdir: args.workdir } : args;
  return createHash("sha256")
    .update(JSON.stringify([name, what]))
    .digest("base64");
}
