/** The challenge that proves a password without sending it (protocol §2.7). */
import { createHash, timingSafeEqual } from "node:crypto";

export const CHALLENGE_BYTES = 16;

/** MD5( MD5(password) ++ challenge ), with the raw inner digest: what both sides compute. */
export function loginResponse(password: string, challenge: Uint8Array): Uint8Array {
  const inner = createHash("md5").update(password, "utf8").digest();
  return createHash("md5").update(inner).update(challenge).digest();
}

/**
 * Whether `response` answers `challenge` with one of the passwords. Takes as long for an unknown
 * name (no passwords) as for a wrong one, wherever the bytes differ.
 */
export function provesPassword(
  passwords: readonly string[] | null,
  challenge: Uint8Array,
  response: Uint8Array,
): boolean {
  const candidates = passwords === null || passwords.length === 0 ? [null] : passwords;
  let proven = false;
  for (const candidate of candidates) {
    const expected = loginResponse(candidate ?? "", challenge);
    const equal = response.length === expected.length && timingSafeEqual(response, expected);
    if (equal && candidate !== null) proven = true;
  }
  return proven;
}
