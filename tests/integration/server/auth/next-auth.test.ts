// Guarantees: the browser's flow (fetch the anti-forgery token, post the password) ends in a cookie
// that our own check accepts, leads nowhere outside of this site, and signing out revokes it.
import type { NextApiRequest, NextApiResponse } from "next";
import NextAuth from "next-auth";
import { afterAll, beforeAll, expect, it } from "vitest";
import { authOptions, createSignIn, hashPassword, userOf } from "../../../../server/auth";
import { createUser } from "../../../../server/auth/invitation";
import { type Installation, openInstallation } from "../rest/support";

let server: Installation;
const host = "localhost:8010";

beforeAll(async () => {
  process.env.NEXTAUTH_URL = "http://localhost:8010";
  server = await openInstallation();
  const hash = await hashPassword("battery staple");
  await createUser(server.owner, { email: "bob@example.org", name: "Bob", hash, isAdmin: false });
});
afterAll(() => server.close());

interface Answer {
  status: number;
  redirect: string | null;
  body: unknown;
}

/** One request as Next hands it on, its cookies kept like a browser keeps them. */
async function visit(
  method: "GET" | "POST",
  action: string,
  jar: Map<string, string>,
  body: Record<string, string> = {},
): Promise<Answer> {
  const settings = { secretKey: server.env.secretKey, ...server.env.web };
  const headers = new Headers({ host });
  const options = authOptions(settings, server.db, createSignIn(server.db), headers);
  const answer: Answer = { status: 200, redirect: null, body: null };
  let set: string[] = [];
  const response = {
    getHeader: () => set,
    setHeader(name: string, value: string | string[]) {
      if (name === "Set-Cookie") set = [value].flat();
      if (name === "Location") answer.redirect = String(value);
      return response;
    },
    status(code: number) {
      answer.status = code;
      return response;
    },
    json: (value: unknown) => response.send(value),
    send(value: unknown) {
      answer.body = value;
    },
    end() {},
  };
  const request = {
    method,
    body,
    query: { nextauth: action.split("/") },
    cookies: Object.fromEntries(jar),
    headers: Object.fromEntries(headers),
  };
  await NextAuth(
    request as unknown as NextApiRequest,
    response as unknown as NextApiResponse,
    options,
  );
  for (const cookie of set) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
    jar.set(name, decodeURIComponent(value));
  }
  return answer;
}

const csrf = async (jar: Map<string, string>) =>
  ((await visit("GET", "csrf", jar)).body as { csrfToken: string }).csrfToken;

const whoIs = (jar: Map<string, string>) =>
  userOf(
    { env: server.env, db: server.db },
    new Headers({ host, cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") }),
  );

it("signs in, stays on this site, and signs out", async () => {
  const jar = new Map<string, string>();
  const csrfToken = await csrf(jar);
  const form = {
    csrfToken,
    email: "bob@example.org",
    password: "battery staple",
    callbackUrl: "https://evil.example/",
  };
  const answer = await visit("POST", "callback/credentials", jar, form);
  expect(answer.redirect).toBe("http://localhost:8010/");
  expect(await whoIs(jar)).toMatchObject({ email: "bob@example.org" });
  const kept = new Map(jar);
  await visit("POST", "signout", jar, { csrfToken: await csrf(jar) });
  expect(await whoIs(kept)).toBeNull();
});

it("refuses without the anti-forgery token, or with the wrong password", async () => {
  const jar = new Map<string, string>();
  const csrfToken = await csrf(jar);
  const form = { csrfToken, email: "bob@example.org", password: "wrong" };
  const wrong = await visit("POST", "callback/credentials", jar, form);
  expect(wrong.redirect).toContain("CredentialsSignin");
  const forged = { csrfToken: "x", email: "bob@example.org", password: "battery staple" };
  await visit("POST", "callback/credentials", jar, forged);
  expect(await whoIs(jar)).toBeNull();
});
