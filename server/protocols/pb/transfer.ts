/**
 * The objects a worker calls to move a file (protocol §4.3).
 *
 * Real workers wait for each answer before the next block. One that does not still finds its blocks
 * written in order: calls of one transfer run one after the other.
 */
import type { DirectoryWriter, FileReader, FileWriter } from "../../domain/wire";
import type { Jelly } from "./codec";
import { asBytes, asItems, asNumber, PEER_MAX_STRING_BYTES } from "./codec";
import { badArguments, noSuchMethod } from "./errors";
import type { LocalObject } from "./object-table";

/** A transfer's object, and the end of all calls that it has taken so far. */
export interface Transfer extends LocalObject {
  idle(): Promise<void>;
}

type Method = (args: readonly Jelly[]) => Promise<Jelly>;

function transfer(methods: Readonly<Record<string, Method>>): Transfer {
  const known = new Map(Object.entries(methods));
  let last: Promise<unknown> = Promise.resolve();
  return {
    call(name, args) {
      const method = known.get(name);
      if (method === undefined) throw noSuchMethod(name);
      // A failed call fails the later ones through the store itself, not through this chain.
      const result = last.then(() => method(args));
      last = result.catch(() => {});
      return result;
    },
    idle: async () => {
      await last;
    },
  };
}

export function fileWriterObject(writer: FileWriter): Transfer {
  return transfer({
    write: async (args) => {
      await writer.write(blockOf(args));
      return null;
    },
    close: async () => {
      await writer.close();
      return null;
    },
    utime: async (args) => {
      const [accessTime, modifiedTime] = (asItems(args[0]) ?? []).map(asNumber);
      if (typeof accessTime !== "number" || typeof modifiedTime !== "number") {
        throw badArguments("utime");
      }
      await writer.utime(accessTime, modifiedTime);
      return null;
    },
  });
}

export function directoryWriterObject(writer: DirectoryWriter): Transfer {
  return transfer({
    write: async (args) => {
      await writer.write(blockOf(args));
      return null;
    },
    unpack: async () => {
      await writer.unpack();
      return null;
    },
  });
}

export function fileReaderObject(reader: FileReader): Transfer {
  return transfer({
    read: async (args) => {
      const wanted = asNumber(args[0]);
      if (wanted === null || !(wanted > 0)) throw badArguments("read");
      const length = Math.min(Math.floor(wanted), PEER_MAX_STRING_BYTES);
      const block = await reader.read(length);
      if (block.length > length) throw new Error("a block is longer than was asked for");
      return block;
    },
    close: async () => {
      await reader.close();
      return null;
    },
  });
}

/** The one argument of `write`. It aliases the receive buffer until the call is answered. */
function blockOf(args: readonly Jelly[]): Uint8Array {
  const block = asBytes(args[0]);
  if (block === null || args.length !== 1) throw badArguments("write");
  return block;
}
