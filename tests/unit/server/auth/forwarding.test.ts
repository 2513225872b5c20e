// Guards: a stranger cannot claim to come from elsewhere; a trusted proxy's word counts.
import type { IncomingMessage } from "node:http";
import { expect, test } from "vitest";
import { clientAddress } from "../../../../server/auth/client-address";
import { createForwarding } from "../../../../server/auth/forwarding";

const PROXIES = ["10.0.0.0/8"];

function addressSeen(peer: string, headers: IncomingMessage["headers"]): string {
  const request = { headers, socket: { remoteAddress: peer } as IncomingMessage["socket"] };
  createForwarding(PROXIES)(request);
  return clientAddress(new Headers(request.headers as Record<string, string>), PROXIES);
}

test("a stranger is who he is, whatever he claims", () => {
  const headers: IncomingMessage["headers"] = {
    "x-forwarded-for": "192.0.2.1",
    "x-forwarded-host": "elsewhere.example",
  };
  expect(addressSeen("198.51.100.7", headers)).toBe("198.51.100.7");
  expect(headers["x-forwarded-host"]).toBeUndefined();
});

test("a proxy of ours names its client", () => {
  expect(addressSeen("::ffff:10.1.2.3", { "x-forwarded-for": "192.0.2.1" })).toBe("192.0.2.1");
});

test("what the client put before the proxy's word does not count", () => {
  const claimed = { "x-forwarded-for": "203.0.113.9, 192.0.2.1" };
  expect(addressSeen("10.1.2.3", claimed)).toBe("192.0.2.1");
});
