/** A command of the master's, from msgpack to the domain's (protocol §4.1): its paths are absolute. */
import {
  asBytes,
  asFields,
  asItems,
  asNumber,
  asString,
  Float,
  type Fields as MsgpackFields,
  type Value as MsgpackValue,
} from "../../../server/protocols/msgpack/codec";
import type { WorkerCommand } from "../../commands";
import {
  Arguments,
  compression,
  shellArgs,
  sizes,
  treeArgs,
  unknownCommand,
  type Value,
} from "../arguments";
import type { Fields, Link } from "./link";

/** Throws `CommandError` for a command that this worker does not know or cannot understand. */
export function readCommand(
  name: string,
  id: string,
  fields: MsgpackFields,
  link: Link,
): WorkerCommand {
  return read(name, new Arguments(name, plainFields(fields)), new Transfers(link, id));
}

function read(name: string, args: Arguments, transfers: Transfers): WorkerCommand {
  switch (name) {
    case "shell":
      return { name, args: shellArgs(args) };
    case "mkdir":
      return { name, args: { dir: args.texts("paths") } };
    case "rmdir":
      return { name, args: { dir: args.texts("paths"), ...treeArgs(args) } };
    case "cpdir": {
      const [fromdir, todir] = [args.text("from_path"), args.text("to_path")];
      return { name, args: { fromdir, todir, ...treeArgs(args) } };
    }
    case "stat":
      return { name, args: { file: args.text("path") } };
    case "listdir":
      return { name, args: { dir: args.text("path") } };
    case "glob":
    case "rmfile":
      return { name, args: { path: args.text("path") } };
    case "upload_file":
    case "uploadFile": {
      const keepstamp = args.flag("keepstamp", false);
      return {
        name: "uploadFile",
        args: { workdir: "", workersrc: args.text("path"), ...sizes(args), keepstamp },
        writer: transfers.fileWriter(),
      };
    }
    case "upload_directory":
    case "uploadDirectory":
      return {
        name: "uploadDirectory",
        args: {
          ...{ workdir: "", workersrc: args.text("path"), ...sizes(args) },
          compress: compression(args),
        },
        writer: transfers.directoryWriter(),
      };
    case "download_file":
    case "downloadFile":
      return {
        name: "downloadFile",
        args: {
          ...{ workdir: "", workerdest: args.text("path"), ...sizes(args) },
          mode: args.number("mode"),
        },
        reader: transfers.fileReader(),
      };
    default:
      throw unknownCommand(name);
  }
}

/** The master's ends of transfers, which the id of the command names. */
class Transfers {
  constructor(
    private readonly link: Link,
    private readonly id: string,
  ) {}

  fileWriter() {
    return {
      write: (block: Uint8Array) => this.#ask("update_upload_file_write", { args: block }),
      close: () => this.#ask("update_upload_file_close"),
      utime: (accessTime: number, modifiedTime: number) =>
        this.#ask("update_upload_file_utime", {
          access_time: new Float(accessTime),
          modified_time: new Float(modifiedTime),
        }),
    };
  }

  directoryWriter() {
    return {
      write: (block: Uint8Array) => this.#ask("update_upload_directory_write", { args: block }),
      unpack: () => this.#ask("update_upload_directory_unpack"),
    };
  }

  fileReader() {
    return {
      read: async (length: number): Promise<Uint8Array> => {
        const fields = { command_id: this.id, length };
        const block = await this.link.request("update_read_file", fields);
        // Buildbot's masters say null in place of every block, and mean the end (protocol §8.2).
        if (block === null) return new Uint8Array();
        const bytes = asBytes(block);
        if (bytes === null) throw new Error("the master answered a read with something else");
        return bytes;
      },
      close: () => this.#ask("update_read_file_close"),
    };
  }

  async #ask(op: Parameters<Link["request"]>[0], fields: Fields = {}): Promise<void> {
    await this.link.request(op, { command_id: this.id, ...fields });
  }
}

function plainFields(fields: MsgpackFields): Map<string, Value> {
  return new Map([...fields].map(([key, value]) => [key, plain(value)] as const));
}

/** Msgpack as plain values; bytes are taken for text. */
function plain(value: MsgpackValue): Value {
  if (value === null || typeof value === "boolean") return value;
  const fields = asFields(value);
  if (fields !== null) return plainFields(fields);
  const items = asItems(value);
  if (items !== null) return items.map(plain);
  return asString(value) ?? asNumber(value) ?? (value as object);
}
