/** The objects a worker calls to move a file (protocol §4.3). */
import type { DirectoryWriter, FileReader, FileWriter } from "../../domain/wire";
import { TransferTurns } from "../transfer-turns";
import type { Jelly } from "./codec";
import { asBytes, asItems, asNumber, PEER_MAX_STRING_BYTES } from "./codec";
import { badArguments, noSuchMethod } from "./errors";
import type { LocalObject } from "./object-table";

interface Method {
  /** Checks the arguments, throwing what the worker is told, and gives the work to be done. */
  prepare(args: readonly Jelly[]): () => Promise<Jelly>;
  /** The answer once the transfer has failed. */
  readonly idleAnswer: Jelly;
}

export class Transfer implements LocalObject {
  readonly turns = new TransferTurns();
  readonly #methods: ReadonlyMap<string, Method>;

  constructor(methods: Readonly<Record<string, Method>>) {
    this.#methods = new Map(Object.entries(methods));
  }

  call(name: string, args: readonly Jelly[]): Promise<Jelly> {
    const method = this.#methods.get(name);
    if (method === undefined) throw noSuchMethod(name);
    return this.turns.take(method.prepare(args), method.idleAnswer);
  }
}

export function fileWriterObject(writer: FileWriter): Transfer {
  return new Transfer({
    write: told(blockOf, (block) => writer.write(block)),
    close: told(nothing, () => writer.close()),
    utime: told(timesOf, ([accessTime, modifiedTime]) => writer.utime(accessTime, modifiedTime)),
  });
}

export function directoryWriterObject(writer: DirectoryWriter): Transfer {
  return new Transfer({
    write: told(blockOf, (block) => writer.write(block)),
    unpack: told(nothing, () => writer.unpack()),
  });
}

export function fileReaderObject(reader: FileReader): Transfer {
  return new Transfer({
    read: {
      // An empty block ends the file.
      idleAnswer: new Uint8Array(0),
      prepare(args) {
        const length = lengthOf(args);
        return async () => {
          const block = await reader.read(length);
          if (block.length > length) throw new Error("a block is longer than was asked for");
          return block;
        };
      },
    },
    close: told(nothing, () => reader.close()),
  });
}

/** A method that is answered by None. */
function told<Parsed>(
  parse: (args: readonly Jelly[]) => Parsed,
  work: (parsed: Parsed) => Promise<void>,
): Method {
  return {
    idleAnswer: null,
    prepare(args) {
      const parsed = parse(args);
      return async () => {
        await work(parsed);
        return null;
      };
    },
  };
}

function nothing(): void {}

/** The block aliases the receive buffer until the call is answered. */
function blockOf(args: readonly Jelly[]): Uint8Array {
  const block = asBytes(args[0]);
  if (block === null || args.length !== 1) throw badArguments("write");
  return block;
}

function timesOf(args: readonly Jelly[]): readonly [number, number] {
  const [accessTime, modifiedTime] = (asItems(args[0]) ?? []).map(asNumber);
  if (typeof accessTime !== "number" || typeof modifiedTime !== "number") {
    throw badArguments("utime");
  }
  return [accessTime, modifiedTime];
}

function lengthOf(args: readonly Jelly[]): number {
  const wanted = asNumber(args[0]);
  if (wanted === null || !(wanted >= 1)) throw badArguments("read");
  return Math.min(Math.floor(wanted), PEER_MAX_STRING_BYTES);
}
