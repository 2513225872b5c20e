/** Passwords of people: scrypt (RFC 7914) with its parameters stored beside the hash. */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { AppError } from "../domain/errors";

const COST = { N: 32_768, r: 8, p: 1 };
const HASH_BYTES = 32;
/** scrypt takes 128·N·r bytes; a stored hash may not make us take more than this. */
const MAX_MEMORY_BYTES = 128 * 1024 * 1024;

const LENGTH = { min: 8, max: 200 };

/** @throws AppError request.malformed when nobody should use this password */
export function checkNewPassword(clear: string): void {
  if (clear.length < LENGTH.min || clear.length > LENGTH.max) {
    throw new AppError("request.malformed", {
      problem: `the password must have ${LENGTH.min} to ${LENGTH.max} characters`,
    });
  }
}

/** `scrypt$N$r$p$salt$hash`, the last two in base64. */
export async function hashPassword(clear: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(clear, salt, HASH_BYTES, COST);
  return ["scrypt", COST.N, COST.r, COST.p, salt.toString("base64"), hash.toString("base64")].join(
    "$",
  );
}

/**
 * Takes about as long for an account that does not exist (`stored` null) as for one that does.
 * A stored text of another form never matches.
 */
export async function verifyPassword(clear: string, stored: string | null): Promise<boolean> {
  const known = stored === null ? null : parse(stored);
  if (known === null || clear.length > LENGTH.max) {
    await derive("", Buffer.alloc(16), HASH_BYTES, COST);
    return false;
  }
  const hash = await derive(clear, known.salt, known.hash.length, known.cost);
  return timingSafeEqual(hash, known.hash);
}

function parse(stored: string): { cost: typeof COST; salt: Buffer; hash: Buffer } | null {
  const [scheme, n, r, p, salt, hash] = stored.split("$");
  if (scheme !== "scrypt" || !salt || !hash) return null;
  return {
    cost: { N: Number(n), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, "base64"),
    hash: Buffer.from(hash, "base64"),
  };
}

function derive(clear: string, salt: Buffer, length: number, cost: ScryptOptions): Promise<Buffer> {
  const options = { ...cost, maxmem: MAX_MEMORY_BYTES };
  return new Promise((resolve, reject) => {
    scrypt(clear.normalize("NFC"), salt, length, options, (error, hash) =>
      error ? reject(error) : resolve(hash),
    );
  });
}
