/** Name and password in the handshake's `Authorization` header (protocol §3.1). */
import { createHash, timingSafeEqual } from "node:crypto";

const MAX_NAME_BYTES = 1024;
const SCHEME = /^basic +([a-z0-9+/]+={0,2}) *$/i;

export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** What the header says, or null when it cannot be read. The password may hold colons. */
export function readBasicAuth(header: string): Credentials | null {
  const encoded = SCHEME.exec(header)?.[1];
  if (encoded === undefined) return null;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Buffer.from(encoded, "base64"),
    );
  } catch {
    return null;
  }
  const colon = text.indexOf(":");
  const name = text.slice(0, colon);
  if (colon < 1 || Buffer.byteLength(name) > MAX_NAME_BYTES) return null;
  return { name, password: text.slice(colon + 1) };
}

/**
 * Whether `password` is one of those that count. Takes as long for an unknown name (no passwords) as
 * for a wrong one, wherever they differ.
 */
export function isPassword(passwords: readonly string[] | null, password: string): boolean {
  const candidates = passwords === null || passwords.length === 0 ? [null] : passwords;
  const given = digest(password);
  let isOne = false;
  for (const candidate of candidates) {
    const equal = timingSafeEqual(given, digest(candidate ?? ""));
    if (equal && candidate !== null) isOne = true;
  }
  return isOne;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text, "utf8").digest();
}
