/** Why PostgreSQL could not hold this text, or null. */
export function unstorable(text: string): string | null {
  if (text.includes("\0")) return "must not contain a null byte";
  // With the flag u this matches only halves of pairs that stand alone.
  return /\p{Surrogate}/u.test(text) ? "is not valid Unicode" : null;
}

export { distance } from "./distance";
