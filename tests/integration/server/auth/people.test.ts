// Guarantees: only the right password opens a session, guessing is slowed down and tells nothing, a
// session ends when it is revoked, one-time links count once, and the first administrator gets in.

import { encode } from "next-auth/jwt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createInvitation,
  createSetupToken,
  createSignIn,
  hashPassword,
  redeemInvitation,
  revokeSession,
  roleIn,
  userOf,
} from "../../../../server/auth";
import { createUser } from "../../../../server/auth/invitation";
import { sessionSecret } from "../../../../server/auth/next-auth";
import type { OrgId } from "../../../../server/domain/ids";
import { bootstrap } from "../../../../server/processes/bootstrap";
import { type Installation, openInstallation, SECRET_KEY } from "../rest/support";

let server: Installation;
beforeAll(async () => {
  server = await openInstallation();
});
afterAll(() => server.close());

const attempt = (email: string, password: string, address = "10.0.0.1") => ({
  email,
  password,
  address,
  userAgent: "test",
});
const web = {
  bind: "127.0.0.1",
  port: 8010,
  publicUrl: "http://localhost:8010",
  trustedProxies: [],
};

describe("the first start", () => {
  it("gives a new set-up link each time, and only the newest works", async () => {
    const results = await Promise.all(
      [1, 2, 3].map(() => bootstrap({ admin: null, web }, server.owner)),
    );
    const urls = results.map(({ setupUrl }) => setupUrl as string);
    expect(urls.every((url) => /^http:\/\/localhost:8010\/setup\/[\w-]{43}$/.test(url))).toBe(true);
    const [row] = await server.owner.rows<{ orgs: number; links: number }>(
      "select (select count(*) from organization where slug = 'main') as orgs, (select count(*) from invitation) as links",
    );
    expect(row).toEqual({ orgs: 1, links: 1 });
    const redeem = (url: string) =>
      server.db.within({}, (tx) =>
        redeemInvitation(tx, url.split("/").at(-1) as string, {
          email: "Ada@Example.org",
          name: "Ada",
          password: "correct horse",
        }),
      );
    const outcomes = await Promise.allSettled(urls.map(redeem));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect((await bootstrap({ admin: null, web }, server.owner)).setupUrl).toBeNull();
  });

  it("takes the administrator from the environment, once", async () => {
    const fresh = await openInstallation();
    try {
      const admin = { email: "Root@Example.org", password: "from the environment" };
      await Promise.all([1, 2].map(() => bootstrap({ admin, web }, fresh.owner)));
      await bootstrap({ admin: { ...admin, password: "another one" }, web }, fresh.owner);
      const signIn = createSignIn(fresh.db);
      const signedIn = await signIn(attempt(admin.email, admin.password), 0);
      expect(signedIn).toMatchObject({ email: "root@example.org" });
      const rows = await fresh.owner.rows("select role from membership");
      expect(rows).toEqual([{ role: "owner" }]);
    } finally {
      await fresh.close();
    }
  });
});

describe("signing in", () => {
  let orgId: OrgId;
  beforeAll(async () => {
    orgId = await server.organization("club", "properties: {}");
    const hash = await hashPassword("battery staple");
    await createUser(server.owner, { email: "bob@example.org", name: "Bob", hash, isAdmin: false });
  });

  it("opens a session that counts until it is revoked", async () => {
    const signedIn = await createSignIn(server.db)(
      attempt("Bob@example.org ", "battery staple"),
      0,
    );
    const sessionId = signedIn?.sessionId as string;
    const token = await encode({ token: { sessionId }, secret: sessionSecret(SECRET_KEY) });
    const runtime = { env: server.env, db: server.db };
    const ask = (cookie: string, host = "localhost:8010") =>
      userOf(runtime, new Headers({ cookie, host }));
    const cookie = `a=b; next-auth.session-token=${token}`;
    expect(await ask(cookie)).toMatchObject({
      email: "bob@example.org",
      isAdmin: false,
      memberships: [],
    });
    expect(await ask(cookie, "127.0.0.1:8010")).toMatchObject({ email: "bob@example.org" });
    expect(roleIn(await ask(cookie), orgId)).toBeNull();
    expect(await ask("next-auth.session-token=nonsense")).toBeNull();
    const foreign = await encode({ token: { sessionId }, secret: "another key" });
    expect(await ask(`next-auth.session-token=${foreign}`)).toBeNull();
    const odd = await encode({
      token: { sessionId: "1' or true" },
      secret: sessionSecret(SECRET_KEY),
    });
    expect(await ask(`next-auth.session-token=${odd}`)).toBeNull();

    await server.owner.rows(
      "insert into membership (org_id, user_id, role) values ($1, $2, 'developer')",
      [orgId, signedIn?.userId],
    );
    expect(roleIn(await ask(cookie), orgId)).toBe("developer");
    const read = (url: string) =>
      server.call("GET", url, { headers: { cookie, host: "localhost:8010" } });
    expect((await read("/club/api/v2/builders")).status).toBe(200);
    expect((await read("/main/api/v2/builders")).status).toBe(404);
    expect((await read("/none/api/v2/builders")).status).toBe(404);
    const force = (headers: Record<string, string>) =>
      server.post(
        "/club/api/v2/builders/x",
        { cookie, host: "localhost:8010", "content-type": "application/json", ...headers },
        JSON.stringify({ jsonrpc: "2.0", id: 1, method: "force" }),
      );
    expect((await force({})).status).toBe(403);
    expect((await force({ "sec-fetch-site": "cross-site" })).status).toBe(403);
    expect((await force({ origin: "http://evil.example" })).status).toBe(403);
    expect(
      (await force({ origin: "http://localhost:8010", "sec-fetch-site": "same-site" })).status,
    ).toBe(403);
    expect((await force({ origin: "http://localhost:8010" })).status).toBe(404);

    await server.db.within({}, (tx) => revokeSession(tx, sessionId));
    expect(await ask(cookie)).toBeNull();
  });

  it("fails alike for a wrong password and an unknown address, and shuts after ten tries", async () => {
    const signIn = createSignIn(server.db);
    expect(await signIn(attempt("nobody@example.org", "x"), 0)).toBeNull();
    for (let tries = 0; tries < 10; tries += 1) {
      expect(await signIn(attempt("bob@example.org", "wrong", `10.0.1.${tries}`), 0)).toBeNull();
    }
    const right = attempt("bob@example.org", "battery staple", "10.0.2.1");
    await expect(signIn(right, 1000)).rejects.toMatchObject({ code: "auth.too-many-tries" });
    expect(await signIn(right, 6 * 60_000)).not.toBeNull();
    expect(await signIn(attempt("bob\0@example.org", "x\0"), 6 * 60_000)).toBeNull();
  });
});

describe("an invitation", () => {
  it("gives its role to its address, once", async () => {
    const orgId = await server.organization("guild", "properties: {}");
    const token = await server.db.within({ orgId }, (tx) =>
      createInvitation(tx, orgId, { email: "Eve@example.org", role: "viewer" }),
    );
    const redeem = (password: string) =>
      server.db.within({}, (tx) =>
        redeemInvitation(tx, token, { email: "other@example.org", name: "Eve", password }),
      );
    await expect(redeem("short")).rejects.toMatchObject({ code: "request.malformed" });
    expect(await redeem("long enough")).toMatchObject({ slug: "guild", role: "viewer" });
    await expect(redeem("long enough")).rejects.toMatchObject({ code: "request.not-found" });
    const rows = await server.owner.rows(
      "select u.email, m.role, u.is_admin from membership m join user_account u on u.id = m.user_id where m.org_id = $1",
      [orgId],
    );
    expect(rows).toEqual([{ email: "eve@example.org", role: "viewer", is_admin: false }]);
  });

  it("that has expired is none", async () => {
    const orgId = await server.organization("late", "properties: {}");
    const token = await createSetupToken(server.owner, orgId);
    await server.owner.rows("update invitation set expires_at = now()");
    const person = { email: "x@example.org", name: "X", password: "long enough" };
    await expect(
      server.db.within({}, (tx) => redeemInvitation(tx, token, person)),
    ).rejects.toMatchObject({ code: "request.not-found" });
  });
});
