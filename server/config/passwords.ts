/**
 * Passwords of workers. A literal one is sealed beside the worker's row before anything is
 * versioned; documents hold a reference in its place: a keyed fingerprint, which tells that a
 * password changed and nothing else.
 */
import { createHmac, randomBytes } from "node:crypto";
import { seal, unseal } from "../secrets/seal";
import type { WorkerOptions } from "./schema";

export interface PlannedPassword {
  /** What the document holds; undefined: the option is left out. */
  readonly reference: { readonly sealed: string } | undefined;
  /** Null: leave the row's password as it is. */
  readonly sealed: Buffer | null;
  /** The reference is to a password that is not stored (any more). */
  readonly isUnknown: boolean;
}

export function planPassword(
  key: Buffer,
  worker: WorkerOptions,
  stored: Buffer | null,
): PlannedPassword {
  const current = stored === null ? null : unseal(key, stored);
  const { password } = worker;
  if (password === undefined) {
    // A local worker's is ours: made once, known to nobody.
    const sealed = current === null ? seal(key, randomBytes(32).toString("base64url")) : null;
    return { reference: undefined, sealed, isUnknown: false };
  }
  if (typeof password === "string") {
    const reference = { sealed: fingerprint(key, worker.name, password) };
    const sealed = password === current ? null : seal(key, password);
    return { reference, sealed, isUnknown: false };
  }
  const isUnknown = current === null || fingerprint(key, worker.name, current) !== password.sealed;
  return { reference: password, sealed: null, isUnknown };
}

function fingerprint(key: Buffer, name: string, password: string): string {
  return createHmac("sha256", key).update(`${name}\0${password}`).digest("hex").slice(0, 16);
}
