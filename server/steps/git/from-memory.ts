/** A download whose content is here. */
import type { FileReader } from "../../domain/wire";

export function fromMemory(text: string): FileReader {
  const bytes = Buffer.from(text);
  let at = 0;
  return {
    async read(length) {
      const block = bytes.subarray(at, at + length);
      at += block.length;
      return block;
    },
    close: async () => {},
  };
}
