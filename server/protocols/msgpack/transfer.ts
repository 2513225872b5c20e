/** What a worker asks for to move a file (protocol §3.4, §4.3). */
import type { DirectoryWriter, FileReader, FileWriter } from "../../domain/wire";
import { TransferTurns } from "../transfer-turns";
import { asNumber, type Fields, LIMITS, type Value } from "./codec";

/** Blocks are never longer, whatever a step wants: a frame has to hold one. */
export const MAX_BLOCK_BYTES = LIMITS.messageBytes / 4;

/** Checks the fields, throwing what the worker is told, and gives the work to be done. */
type Method = (fields: Fields) => () => Promise<Value>;

export class Transfer {
  readonly turns = new TransferTurns();
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #idleAnswers: ReadonlyMap<string, Value>;

  constructor(methods: Readonly<Record<string, Method>>) {
    this.#methods = new Map(Object.entries(methods));
    // An empty block ends a file.
    this.#idleAnswers = new Map([["update_read_file", new Uint8Array(0)]]);
  }

  /** Undefined when this transfer has no such request. */
  serve(op: string, fields: Fields): Promise<Value> | undefined {
    const method = this.#methods.get(op);
    if (method === undefined) return undefined;
    return this.turns.take(method(fields), this.#idleAnswers.get(op) ?? null);
  }
}

export function fileWriterTransfer(writer: FileWriter): Transfer {
  return new Transfer({
    update_upload_file_write: told(blockOf, (block) => writer.write(block)),
    update_upload_file_close: told(nothing, () => writer.close()),
    update_upload_file_utime: told(timesOf, ([access, modified]) => writer.utime(access, modified)),
  });
}

export function directoryWriterTransfer(writer: DirectoryWriter): Transfer {
  return new Transfer({
    update_upload_directory_write: told(blockOf, (block) => writer.write(block)),
    update_upload_directory_unpack: told(nothing, () => writer.unpack()),
  });
}

export function fileReaderTransfer(reader: FileReader): Transfer {
  return new Transfer({
    update_read_file(fields) {
      const length = lengthOf(fields);
      return async () => {
        const block = await reader.read(length);
        if (block.length > length) throw new Error("a block is longer than was asked for");
        return block;
      };
    },
    update_read_file_close: told(nothing, () => reader.close()),
  });
}

/** A request that is answered by null. */
function told<Parsed>(
  parse: (fields: Fields) => Parsed,
  work: (parsed: Parsed) => Promise<void>,
): Method {
  return (fields) => {
    const parsed = parse(fields);
    return async () => {
      await work(parsed);
      return null;
    };
  };
}

function nothing(): void {}

/** The block aliases the frame until the request is answered. */
function blockOf(fields: Fields): Uint8Array {
  const block = fields.get("args");
  if (!(block instanceof Uint8Array)) throw new Error("the block of a file is no bytes");
  return block;
}

function timesOf(fields: Fields): readonly [number, number] {
  const accessTime = asNumber(fields.get("access_time"));
  const modifiedTime = asNumber(fields.get("modified_time"));
  if (accessTime === null || modifiedTime === null) throw new Error("the times of a file are none");
  return [accessTime, modifiedTime];
}

function lengthOf(fields: Fields): number {
  const wanted = asNumber(fields.get("length"));
  if (wanted === null || !(wanted >= 1)) throw new Error("the length of a block is none");
  return Math.min(Math.floor(wanted), MAX_BLOCK_BYTES);
}
