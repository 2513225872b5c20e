/** Who is asking, for server components and route handlers. */
import type { OrgDatabase } from "../db/org-database";
import { type AuthSettings, sessionIdOf } from "./next-auth";
import { findSession, type SignedInUser } from "./session";

export interface AuthRuntime {
  readonly env: {
    readonly secretKey: string;
    readonly web: { readonly publicUrl: string; readonly trustedProxies: readonly string[] };
  };
  readonly db: OrgDatabase;
}

export function authSettings({ env }: AuthRuntime): AuthSettings {
  return { secretKey: env.secretKey, ...env.web };
}

/** The person signed in by this request's cookie, checked against the session's row; else null. */
export async function userOf(runtime: AuthRuntime, headers: Headers): Promise<SignedInUser | null> {
  const jar = cookies(headers.get("cookie") ?? "");
  const settings = authSettings(runtime);
  const sessionId = await sessionIdOf(settings, headers.get("host"), (name) => jar.get(name));
  return sessionId === null ? null : runtime.db.within({}, (tx) => findSession(tx, sessionId));
}

/** The same for the request that Next is answering: `await currentUser(webRuntime())`. */
export async function currentUser(runtime: AuthRuntime): Promise<SignedInUser | null> {
  const { headers } = await import("next/headers");
  return userOf(runtime, (await headers()) as Headers);
}

function cookies(header: string): Map<string, string> {
  const jar = new Map<string, string>();
  for (const pair of header.split(";")) {
    const cut = pair.indexOf("=");
    if (cut > 0) jar.set(pair.slice(0, cut).trim(), pair.slice(cut + 1).trim());
  }
  return jar;
}
