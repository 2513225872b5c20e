/**
 * A command of the master's, from jelly to the domain's (protocol §4.1).
 *
 * Peers of any age send texts as text or bytes, flags as booleans or numbers, and whole numbers as
 * floats; all are taken. What is missing has a default, but for what a command cannot do without.
 */
import type { Argument, Command, ShellArgs, TreeArgs } from "../../../server/domain/wire";
import type { Jelly } from "../../../server/protocols/pb/codec";
import {
  asBytes,
  asItems,
  asNumber,
  asString,
  Dictionary,
  Float,
  failure,
  Remote,
  Tuple,
} from "../../../server/protocols/pb/codec";
import { AnswerFailure, type Broker } from "./broker";

/** Throws `AnswerFailure` for a command that this worker does not know or cannot understand. */
export function readCommand(name: string, args: Dictionary, broker: Broker): Command {
  return read(name, new Arguments(name, args), broker);
}

function read(name: string, args: Arguments, broker: Broker): Command {
  switch (name) {
    case "shell":
      return { name, args: shellArgs(args) };
    case "mkdir":
    case "listdir":
      return { name, args: { dir: args.text("dir") } };
    case "rmdir":
      return { name, args: { dir: args.texts("dir"), ...treeArgs(args) } };
    case "cpdir": {
      const [fromdir, todir] = [args.text("fromdir"), args.text("todir")];
      return { name, args: { fromdir, todir, ...treeArgs(args) } };
    }
    case "stat":
      return { name, args: { file: args.text("file"), workdir: args.text("workdir", "") } };
    case "glob":
    case "rmfile":
      return { name, args: { path: args.text("path") } };
    case "uploadFile":
    case "upload_file": {
      const keepstamp = args.flag("keepstamp", false);
      const source = { workdir: args.text("workdir"), workersrc: args.text("workersrc") };
      return {
        name: "uploadFile",
        args: { ...source, ...sizes(args), keepstamp },
        writer: remoteWriter(broker, args.remote("writer")),
      };
    }
    case "uploadDirectory":
    case "upload_directory": {
      const source = { workdir: args.text("workdir"), workersrc: args.text("workersrc") };
      return {
        name: "uploadDirectory",
        args: { ...source, ...sizes(args), compress: compression(args) },
        writer: remoteWriter(broker, args.remote("writer")),
      };
    }
    case "downloadFile":
    case "download_file": {
      const target = { workdir: args.text("workdir"), workerdest: args.text("workerdest") };
      return {
        name: "downloadFile",
        args: { ...target, ...sizes(args), mode: args.number("mode") },
        reader: remoteReader(broker, args.remote("reader")),
      };
    }
    default:
      throw new AnswerFailure(
        failure("buildbot_worker.base.UnknownCommand", `unrecognized WorkerCommand '${name}'`),
      );
  }
}

function shellArgs(args: Arguments): ShellArgs {
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

function treeArgs(args: Arguments): TreeArgs {
  const timeout = args.has("timeout") ? { timeout: args.number("timeout") } : {};
  return { ...timeout, maxTime: args.number("maxTime"), logEnviron: args.flag("logEnviron", true) };
}

const DEFAULT_BLOCK_BYTES = 16 * 1024;

function sizes(args: Arguments): { maxsize: number | null; blocksize: number } {
  return {
    maxsize: args.number("maxsize"),
    blocksize: args.number("blocksize") ?? DEFAULT_BLOCK_BYTES,
  };
}

function compression(args: Arguments): "gz" | "bz2" | null {
  const compress = args.optionalText("compress");
  if (compress === null || compress === "gz" || compress === "bz2") return compress;
  throw args.problem("compress");
}

function remoteWriter(broker: Broker, id: number) {
  return {
    write: (block: Uint8Array) => done(broker.call(id, "write", block)),
    close: () => done(broker.call(id, "close")),
    unpack: () => done(broker.call(id, "unpack")),
    utime: (accessTime: number, modifiedTime: number) =>
      done(broker.call(id, "utime", new Tuple(new Float(accessTime), new Float(modifiedTime)))),
  };
}

function remoteReader(broker: Broker, id: number) {
  return {
    async read(length: number): Promise<Uint8Array> {
      const block = asBytes(await broker.call(id, "read", length));
      if (block === null) throw new Error("the master answered a read with something else");
      return block;
    },
    close: () => done(broker.call(id, "close")),
  };
}

async function done(answer: Promise<Jelly>): Promise<void> {
  await answer;
}

/** Reads single arguments; a wrong one is the master's failure, naming it. */
class Arguments {
  readonly #command: string;
  readonly #args: Dictionary;

  constructor(command: string, args: Dictionary) {
    this.#command = command;
    this.#args = args;
  }

  problem(key: string): AnswerFailure {
    const words = `${this.#command}: argument '${key}' is missing or wrong`;
    return new AnswerFailure(failure("builtins.ValueError", words));
  }

  has(key: string): boolean {
    return this.#args.get(key) !== undefined;
  }

  text(key: string, fallback?: string): string {
    const value = this.optionalText(key) ?? fallback;
    if (value === undefined) throw this.problem(key);
    return value;
  }

  optionalText(key: string): string | null {
    const value = this.#args.get(key) ?? null;
    const text = asString(value);
    if (text === null && value !== null) throw this.problem(key);
    return text;
  }

  texts(key: string): string | string[] {
    const items = asItems(this.#args.get(key));
    if (items === null) return this.text(key);
    return items.map((item) => this.#item(key, item));
  }

  number(key: string): number | null {
    const value = this.#args.get(key) ?? null;
    const number = asNumber(value);
    if (number === null && value !== null) throw this.problem(key);
    return number;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.#args.get(key) ?? null;
    if (value === null) return fallback;
    const number = asNumber(value);
    // Old masters name a user's wish here, such as "slave-config".
    return number === null ? fallback : number !== 0;
  }

  remote(key: string): number {
    const value = this.#args.get(key);
    if (!(value instanceof Remote)) throw this.problem(key);
    return value.id;
  }

  /** A line, or a list of words; a word may be `("obfuscated", real, shown)`. */
  commandLine(): string | Argument[] {
    const items = asItems(this.#args.get("command"));
    if (items === null) return this.text("command");
    return items.map((item) => {
      const [mark, real, shown] = asItems(item) ?? [];
      if (mark === undefined || asString(mark) !== "obfuscated") return this.#item("command", item);
      return { real: this.#item("command", real), shown: this.#item("command", shown) };
    });
  }

  environment(): Record<string, string | string[] | null> {
    const env: Record<string, string | string[] | null> = {};
    for (const [name, value] of this.#entries("env")) {
      const items = asItems(value);
      if (items !== null) env[name] = items.map((item) => this.#item("env", item));
      else env[name] = value === null ? null : this.#item("env", value);
    }
    return env;
  }

  logFiles(): Record<string, { filename: string; follow: boolean }> {
    const files: Record<string, { filename: string; follow: boolean }> = {};
    for (const [name, value] of this.#entries("logfiles")) {
      const isDictionary = value instanceof Dictionary;
      files[name] = {
        filename: this.#item("logfiles", isDictionary ? value.get("filename") : value),
        follow: isDictionary && asNumber(value.get("follow")) === 1,
      };
    }
    return files;
  }

  #entries(key: string): (readonly [string, Jelly])[] {
    const value = this.#args.get(key) ?? null;
    if (value === null) return [];
    if (!(value instanceof Dictionary)) throw this.problem(key);
    return value.entries.map(([name, each]) => [this.#item(key, name), each] as const);
  }

  /** Numbers are taken as their text: properties often end up as arguments. */
  #item(key: string, value: Jelly | undefined): string {
    const text = asString(value);
    if (text !== null) return text;
    const number = asNumber(value);
    if (number === null) throw this.problem(key);
    return String(number);
  }
}
