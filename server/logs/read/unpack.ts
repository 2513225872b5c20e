import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { METHOD_GZIP, METHOD_RAW } from "../write/chunk-builder";
import { MAX_CHUNK_BYTES } from "../write/limits";

export interface StoredChunk {
  readonly first_line: number;
  readonly line_count: number;
  readonly method: number;
  readonly data: Buffer;
}

const gunzipInThread = promisify<Buffer, { maxOutputLength: number; chunkSize: number }, Buffer>(
  gunzip,
);

/** The stored lines of a chunk, each with its prefix and its newline. Throws when it is damaged. */
export async function unpack(chunk: StoredChunk): Promise<Buffer> {
  switch (chunk.method) {
    case METHOD_RAW:
      return chunk.data;
    case METHOD_GZIP:
      return gunzipInThread(chunk.data, {
        maxOutputLength: MAX_CHUNK_BYTES,
        chunkSize: MAX_CHUNK_BYTES,
      });
    default:
      throw new Error(`log chunk at line ${chunk.first_line}: unknown method ${chunk.method}`);
  }
}
