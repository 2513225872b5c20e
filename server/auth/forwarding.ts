/**
 * Where a request came from, written down before anything reads it: the peer's own address joins
 * `X-Forwarded-For` when the peer is one of our proxies, and replaces what a stranger claims.
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { addressList } from "./client-address";

const CLAIMS = ["x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "forwarded"];

export function createForwarding(trustedProxies: readonly string[]) {
  const trusted = addressList(trustedProxies);
  return ({ headers, socket }: Pick<IncomingMessage, "headers" | "socket">): void => {
    const peer = (socket.remoteAddress ?? "").replace(/^::ffff:/, "");
    const isProxy = isIP(peer) !== 0 && trusted.check(peer, isIP(peer) === 6 ? "ipv6" : "ipv4");
    if (!isProxy) for (const name of CLAIMS) delete headers[name];
    const before = isProxy ? headers["x-forwarded-for"] : undefined;
    headers["x-forwarded-for"] = before ? `${before}, ${peer}` : peer;
  };
}
