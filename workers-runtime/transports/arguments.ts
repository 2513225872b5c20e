/**
 * Arguments of a command as either protocol decoded them (protocol §4.1).
 *
 * Peers of any age send texts as text or bytes, flags as booleans or numbers, and whole numbers as
 * floats; all are taken. What is missing has a default, but for what a command cannot do without.
 */
import type { Argument, ShellArgs, TreeArgs } from "../../server/domain/wire";

/** What a transport makes of its values before a command is read; objects of its own are kept. */
export type Value =
  | null
  | boolean
  | number
  | string
  | readonly Value[]
  | ReadonlyMap<string, Value>
  | object;

/** The master's mistake, in words for it. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Reads single arguments; a wrong one is the master's failure, naming it. */
export class Arguments {
  readonly #command: string;
  readonly #args: ReadonlyMap<string, Value>;

  constructor(command: string, args: ReadonlyMap<string, Value>) {
    this.#command = command;
    this.#args = args;
  }

  problem(key: string): CommandError {
    return new CommandError(`${this.#command}: argument '${key}' is missing or wrong`);
  }

  has(key: string): boolean {
    return this.#args.has(key);
  }

  value(key: string): Value {
    return this.#args.get(key) ?? null;
  }

  text(key: string, fallback?: string): string {
    const value = this.optionalText(key) ?? fallback;
    if (value === undefined) throw this.problem(key);
    return value;
  }

  optionalText(key: string): string | null {
    const value = this.value(key);
    if (value !== null && typeof value !== "string") throw this.problem(key);
    return value;
  }

  texts(key: string): string | string[] {
    const value = this.value(key);
    if (!Array.isArray(value)) return this.text(key);
    return value.map((item) => this.#item(key, item));
  }

  number(key: string): number | null {
    const value = this.value(key);
    if (value === null) return null;
    const number = asNumber(value);
    if (number === null || Number.isNaN(number)) throw this.problem(key);
    return number;
  }

  flag(key: string, fallback: boolean): boolean {
    const number = asNumber(this.value(key));
    // Old masters name a user's wish here, such as "slave-config".
    return number === null ? fallback : number !== 0;
  }

  /** A line, or a list of words; a word may be `("obfuscated", real, shown)`. */
  commandLine(): string | Argument[] {
    const value = this.value("command");
    if (!Array.isArray(value)) return this.text("command");
    return value.map((item: Value) => {
      if (!Array.isArray(item) || item[0] !== "obfuscated") return this.#item("command", item);
      return { real: this.#item("command", item[1]), shown: this.#item("command", item[2]) };
    });
  }

  environment(): Record<string, string | string[] | null> {
    return Object.fromEntries(
      this.#entries("env").map(([name, value]) => {
        if (Array.isArray(value)) return [name, value.map((item) => this.#item("env", item))];
        return [name, value === null ? null : this.#item("env", value)];
      }),
    );
  }

  logFiles(): Record<string, { filename: string; follow: boolean }> {
    return Object.fromEntries(
      this.#entries("logfiles").map(([name, value]) => {
        const options = value instanceof Map ? value : null;
        const filename = this.#item("logfiles", options ? options.get("filename") : value);
        return [name, { filename, follow: asNumber(options?.get("follow") ?? null) === 1 }];
      }),
    );
  }

  #entries(key: string): (readonly [string, Value])[] {
    const value = this.value(key);
    if (value === null) return [];
    if (!(value instanceof Map)) throw this.problem(key);
    return [...value];
  }

  /** Numbers are taken as their text: properties often end up as arguments. */
  #item(key: string, value: Value | undefined): string {
    if (typeof value === "string") return value;
    if (typeof value === "number") return String(value);
    throw this.problem(key);
  }
}

function asNumber(value: Value): number | null {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" ? value : null;
}

export function shellArgs(args: Arguments): ShellArgs {
  return {
    command: args.commandLine(),
    workdir: args.text("workdir"),
    env: args.environment(),
    want_stdout: args.flag("want_stdout", true),
    want_stderr: args.flag("want_stderr", true),
    logfiles: args.logFiles(),
    timeout: args.number("timeout"),
    maxTime: args.number("maxTime"),
    max_lines: args.number("max_lines"),
    sigtermTime: args.number("sigtermTime"),
    interruptSignal: args.text("interruptSignal", "KILL"),
    usePTY: args.flag("usePTY", false),
    logEnviron: args.flag("logEnviron", true),
    initial_stdin: args.optionalText("initial_stdin"),
  };
}

export function treeArgs(args: Arguments): TreeArgs {
  const timeout = args.has("timeout") ? { timeout: args.number("timeout") } : {};
  return { ...timeout, maxTime: args.number("maxTime"), logEnviron: args.flag("logEnviron", true) };
}

const DEFAULT_BLOCK_BYTES = 16 * 1024;

export function sizes(args: Arguments): { maxsize: number | null; blocksize: number } {
  return {
    maxsize: args.number("maxsize"),
    blocksize: args.number("blocksize") ?? DEFAULT_BLOCK_BYTES,
  };
}

export function compression(args: Arguments): "gz" | "bz2" | null {
  const compress = args.optionalText("compress");
  if (compress === null || compress === "gz" || compress === "bz2") return compress;
  throw args.problem("compress");
}

export function unknownCommand(name: string): CommandError {
  return new CommandError(`unrecognized WorkerCommand '${name}'`);
}
