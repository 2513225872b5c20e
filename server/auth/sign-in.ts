/** Sign-in with e-mail and password: who it is, or nothing, and never which of the two was wrong. */
import type { OrgDatabase } from "../db/org-database";
import { AppError } from "../domain/errors";
import type { UserId } from "../domain/ids";
import { verifyPassword } from "./password";
import { openSession } from "./session";
import { createThrottle } from "./throttle";

export interface Attempt {
  readonly email: string;
  readonly password: string;
  readonly address: string;
  readonly userAgent: string | null;
}

export interface SignedIn {
  readonly sessionId: string;
  readonly userId: UserId;
  readonly email: string;
  readonly name: string;
}

/** @throws AppError auth.too-many-tries */
export type SignIn = (attempt: Attempt, now: number) => Promise<SignedIn | null>;

const MINUTES_5 = 5 * 60_000;

export function createSignIn(db: OrgDatabase): SignIn {
  // Many people may share an address; few people mistype ten times in five minutes.
  const byAddress = createThrottle({ tries: 50, windowMs: MINUTES_5, maxKeys: 10_000 });
  const byEmail = createThrottle({ tries: 10, windowMs: MINUTES_5, maxKeys: 10_000 });

  return async (attempt, now) => {
    const email = normalEmail(attempt.email);
    if (byAddress.isShut(attempt.address, now) || byEmail.isShut(email, now)) {
      throw new AppError("auth.too-many-tries");
    }
    // Counted before the slow part, so that many tries at once are many tries.
    byAddress.failed(attempt.address, now);
    byEmail.failed(email, now);
    const [user] = await db.within({}, (tx) =>
      tx.rows<{ id: UserId; name: string; email: string; password_hash: string | null }>(
        `select id, name, email, password_hash from user_account
         where email = $1 and disabled_at is null`,
        [email],
      ),
    );
    const isRight = await verifyPassword(attempt.password, user?.password_hash ?? null);
    if (!user || !isRight) return null;
    byEmail.succeeded(email);
    const sessionId = await db.within({}, (tx) => openSession(tx, user.id, attempt));
    return { sessionId, userId: user.id, email: user.email, name: user.name };
  };
}

/** Null bytes cannot be stored and never belong to an address. */
export function normalEmail(email: string): string {
  return email.replaceAll("\0", "").trim().toLowerCase();
}
