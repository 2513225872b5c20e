/** Bytes that are nearly right: a few changed, put in, taken out, doubled, or the rest cut off. */
import type { SeededRandom } from "./seeded-random";

/** The most that one mutation adds. */
const MAX_GROWTH = 80;

/** @param typeByte what leads this protocol's decoder furthest astray where none was */
export function mutateBytes(
  bytes: Uint8Array,
  random: SeededRandom,
  typeByte: (random: SeededRandom) => number,
): Uint8Array {
  const count = 1 + random.below(4);
  const mutated = new Uint8Array(bytes.length + count * MAX_GROWTH);
  mutated.set(bytes);
  let length = bytes.length;
  const insert = (at: number, piece: Uint8Array) => {
    mutated.copyWithin(at + piece.length, at, length);
    mutated.set(piece, at);
    length += piece.length;
  };
  for (let left = count; left > 0; left--) {
    const at = random.below(Math.max(1, length));
    const size = 1 + random.below(8);
    switch (random.below(6)) {
      case 0:
        mutated[at] = random.below(256);
        break;
      case 1:
        mutated[at] = typeByte(random);
        break;
      case 2: {
        const cut = Math.min(size, length - at);
        mutated.copyWithin(at, at + cut, length);
        length -= Math.max(0, cut);
        break;
      }
      case 3:
        insert(
          at,
          Uint8Array.from({ length: size }, () => random.below(256)),
        );
        break;
      case 4:
        insert(at, mutated.slice(at, Math.min(length, at + 10 * size)));
        break;
      default:
        length = Math.max(1, at);
    }
    length = Math.max(1, length);
  }
  return mutated.subarray(0, length);
}
