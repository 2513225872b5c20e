/**
 * NextAuth, set up for us: e-mail and password, and a cookie that holds the id of a `user_session`
 * row inside a token encrypted with the installation's key. The row decides (server/auth/session.ts);
 * the cookie only names it.
 */
import { hkdfSync } from "node:crypto";
import type { NextAuthOptions } from "next-auth";
import { decode } from "next-auth/jwt";
import Credentials from "next-auth/providers/credentials";
import { z } from "zod";
import type { OrgDatabase } from "../db/org-database";
import { clientAddress } from "./client-address";
import { revokeSession, SESSION_SECONDS } from "./session";
import type { SignIn } from "./sign-in";

export interface AuthSettings {
  readonly secretKey: string;
  readonly publicUrl: string;
  readonly trustedProxies: readonly string[];
}

export function sessionSecret(secretKey: string): string {
  return Buffer.from(hkdfSync("sha256", secretKey, "", "slipway sessions", 32)).toString("base64");
}

/**
 * Secure cookies at the public URL when that is HTTPS; a plain cookie, under another name, when the
 * same server is opened directly (127.0.0.1, another host name), where a browser would drop a
 * secure one.
 */
export function usesSecureCookies(host: string | null, publicUrl: string): boolean {
  const url = new URL(publicUrl);
  return url.protocol === "https:" && host === url.host;
}

function cookieName(isSecure: boolean): string {
  return isSecure ? "__Secure-next-auth.session-token" : "next-auth.session-token";
}

/** The session's id that a cookie names, or null when it is absent, foreign or too old. */
export async function sessionIdOf(
  settings: AuthSettings,
  host: string | null,
  cookie: (name: string) => string | undefined,
): Promise<string | null> {
  const token = cookie(cookieName(usesSecureCookies(host, settings.publicUrl)));
  if (!token) return null;
  const secret = sessionSecret(settings.secretKey);
  const claims = await decode({ token, secret }).catch(() => null);
  return z.uuid().safeParse(claims?.sessionId).data ?? null;
}

const credentials = z.object({
  email: z.string().min(1).max(254),
  password: z.string().min(1).max(1000),
});

/** `headers` are those of the request at hand. */
export function authOptions(
  settings: AuthSettings,
  db: OrgDatabase,
  signIn: SignIn,
  headers: Headers,
): NextAuthOptions {
  return {
    secret: sessionSecret(settings.secretKey),
    useSecureCookies: usesSecureCookies(headers.get("host"), settings.publicUrl),
    session: { strategy: "jwt", maxAge: SESSION_SECONDS },
    pages: { signIn: "/sign-in", signOut: "/sign-out", error: "/sign-in" },
    providers: [
      Credentials({
        name: "e-mail and password",
        credentials: { email: { type: "email" }, password: { type: "password" } },
        async authorize(input) {
          const parsed = credentials.safeParse(input);
          if (!parsed.success) return null;
          const address = clientAddress(headers, settings.trustedProxies);
          const userAgent = headers.get("user-agent");
          const signedIn = await signIn({ ...parsed.data, address, userAgent }, Date.now());
          return signedIn && { ...signedIn, id: signedIn.sessionId };
        },
      }),
    ],
    callbacks: {
      // Runs with `user` once, at sign-in; later the token passes through.
      jwt: ({ token, user }) => (user ? { ...token, sessionId: user.id } : token),
      // Only ways on this site, so that no link can send a person elsewhere after signing in.
      redirect: ({ url, baseUrl }) =>
        url.startsWith("/") && !url.startsWith("//") ? `${baseUrl}${url}` : `${baseUrl}/`,
    },
    events: {
      async signOut({ token }) {
        const sessionId = z.uuid().safeParse(token?.sessionId).data;
        if (sessionId) await db.within({}, (tx) => revokeSession(tx, sessionId));
      },
    },
    logger: { error: () => {}, warn: () => {}, debug: () => {} },
  };
}
