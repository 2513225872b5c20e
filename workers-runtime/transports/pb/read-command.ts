/** A command of the master's, from jelly to the domain's (protocol §4.1). */
import type { Command } from "../../../server/domain/wire";
import type { Jelly } from "../../../server/protocols/pb/codec";
import {
  asBytes,
  asItems,
  asNumber,
  asString,
  type Dictionary,
  Float,
  Dictionary as JellyDictionary,
  Remote,
  Tuple,
} from "../../../server/protocols/pb/codec";
import {
  Arguments,
  compression,
  shellArgs,
  sizes,
  treeArgs,
  unknownCommand,
  type Value,
} from "../arguments";
import type { Broker } from "./broker";

/** Throws `CommandError` for a command that this worker does not know or cannot understand. */
export function readCommand(name: string, args: Dictionary, broker: Broker): Command {
  return read(name, new Arguments(name, plainFields(args)), broker);
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
        writer: remoteWriter(broker, remote(args, "writer")),
      };
    }
    case "uploadDirectory":
    case "upload_directory": {
      const source = { workdir: args.text("workdir"), workersrc: args.text("workersrc") };
      return {
        name: "uploadDirectory",
        args: { ...source, ...sizes(args), compress: compression(args) },
        writer: remoteWriter(broker, remote(args, "writer")),
      };
    }
    case "downloadFile":
    case "download_file": {
      const target = { workdir: args.text("workdir"), workerdest: args.text("workerdest") };
      return {
        name: "downloadFile",
        args: { ...target, ...sizes(args), mode: args.number("mode") },
        reader: remoteReader(broker, remote(args, "reader")),
      };
    }
    default:
      throw unknownCommand(name);
  }
}

function remote(args: Arguments, key: string): number {
  const value = args.value(key);
  if (!(value instanceof Remote)) throw args.problem(key);
  return value.id;
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

function plainFields(dictionary: Dictionary): Map<string, Value> {
  return new Map(
    dictionary.entries.map(([key, value]) => [asString(key) ?? "", plain(value)] as const),
  );
}

/** Jelly as plain values; bytes are taken for text, and what a command has no use for stays. */
function plain(value: Jelly): Value {
  if (value === null || typeof value === "boolean") return value;
  if (value instanceof JellyDictionary) return plainFields(value);
  const items = asItems(value);
  if (items !== null) return items.map(plain);
  return asString(value) ?? asNumber(value) ?? (value as object);
}
