// Guarantees: roles and scopes allow what C-161 and C-163 say and nothing else; forged requests and
// spoofed addresses are seen through; guessing is bounded in time and memory.
import { describe, expect, it } from "vitest";
import { isSameOrigin, may, ROLES, SCOPES, scopeFor } from "../../../../server/auth";
import { clientAddress } from "../../../../server/auth/client-address";
import { usesSecureCookies } from "../../../../server/auth/next-auth";
import { hashPassword, verifyPassword } from "../../../../server/auth/password";
import { createThrottle } from "../../../../server/auth/throttle";

describe("roles", () => {
  it.each([
    ["view", "viewer"],
    ["force", "developer"],
    ["rebuild", "developer"],
    ["stop-own", "developer"],
    ["stop-any", "maintainer"],
    ["workers", "maintainer"],
    ["config", "maintainer"],
    ["secrets", "admin"],
    ["members", "admin"],
    ["tokens", "admin"],
    ["limits", "owner"],
  ] as const)("%s from %s upwards", (action, least) => {
    const allowed = ROLES.filter((role) => may(role, action));
    expect(allowed).toEqual(ROLES.slice(ROLES.indexOf(least)));
    expect(may(null, action)).toBe(false);
  });

  it("no token reaches members or tokens", () => {
    expect([scopeFor("members"), scopeFor("tokens")]).toEqual([null, null]);
    // Whoever may say what builds do can have them read any secret, but no API gives a value back.
    expect(scopeFor("secrets")).toBe("config");
    expect(SCOPES).toContain(scopeFor("force"));
  });
});

describe("same origin", () => {
  const from = (headers: Record<string, string>) =>
    isSameOrigin(new Headers({ host: "127.0.0.1:8010", ...headers }), "https://ci.example.org");
  it.each([
    [{ "sec-fetch-site": "same-origin" }, true],
    [{ "sec-fetch-site": "same-origin", origin: "http://127.0.0.1:8010" }, true],
    [{ origin: "http://127.0.0.1:8010" }, true],
    [{ origin: "https://ci.example.org" }, true],
    [{}, false],
    [{ origin: "null" }, false],
    [{ origin: "http://127.0.0.1:8011" }, false],
    [{ origin: "https://ci.example.org.evil.example" }, false],
    [{ "sec-fetch-site": "same-site", origin: "https://ci.example.org" }, false],
    [{ "sec-fetch-site": "cross-site" }, false],
    [{ "sec-fetch-site": "none" }, false],
  ] as [Record<string, string>, boolean][])("%j is %s", (headers, expected) => {
    expect(from(headers)).toBe(expected);
  });
});

it("takes the last address that is not a proxy of ours", () => {
  const address = (chain: string) =>
    clientAddress(new Headers({ "x-forwarded-for": chain }), ["10.0.0.0/8", "::1"]);
  expect(address("1.2.3.4, 10.0.0.7")).toBe("1.2.3.4");
  expect(address("9.9.9.9, 1.2.3.4, 10.0.0.7, ::1")).toBe("1.2.3.4");
  expect(address("10.0.0.7")).toBe("10.0.0.7");
  expect(address("nonsense")).toBe("unknown");
});

it("uses secure cookies at an HTTPS address and nowhere else", () => {
  expect(usesSecureCookies("ci.example.org", "https://ci.example.org")).toBe(true);
  expect(usesSecureCookies("127.0.0.1:8010", "https://ci.example.org")).toBe(false);
  expect(usesSecureCookies("localhost:8010", "http://localhost:8010")).toBe(false);
});

it("forgets failures after the window, and the oldest key when there are too many", () => {
  const throttle = createThrottle({ tries: 2, windowMs: 100, maxKeys: 2 });
  throttle.failed("a", 0);
  throttle.failed("a", 1);
  expect(throttle.isShut("a", 99)).toBe(true);
  expect(throttle.isShut("a", 100)).toBe(false);
  throttle.failed("b", 0);
  throttle.failed("b", 0);
  throttle.failed("c", 0);
  throttle.failed("d", 0);
  expect(throttle.isShut("b", 0)).toBe(false);
});

it("stores a password so that only it matches", async () => {
  const stored = await hashPassword("pässword");
  expect(stored).toMatch(/^scrypt\$32768\$8\$1\$/);
  expect(await verifyPassword("pa\u0308ssword", stored)).toBe(true);
  expect(await verifyPassword("password", stored)).toBe(false);
  expect(await verifyPassword("pässword", null)).toBe(false);
  expect(await verifyPassword("pässword", "plain")).toBe(false);
  expect(stored).not.toBe(await hashPassword("pässword"));
});
