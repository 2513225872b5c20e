import { BlockList, isIP } from "node:net";

/**
 * The address that a request came from: the last entry of `X-Forwarded-For` that is not one of our
 * proxies. The HTTP server in front of the pages writes the peer's own address there and drops what
 * an untrusted peer claims.
 */
export function clientAddress(headers: Headers, trustedProxies: readonly string[]): string {
  const trusted = addressList(trustedProxies);
  const hops = (headers.get("x-forwarded-for") ?? "")
    .split(",")
    .map((hop) => hop.trim())
    .filter((hop) => isIP(hop) !== 0);
  const stranger = hops.findLast((hop) => !trusted.check(hop, isIP(hop) === 6 ? "ipv6" : "ipv4"));
  return stranger ?? hops[0] ?? "unknown";
}

/** Addresses and CIDR ranges. */
export function addressList(addresses: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of addresses) {
    const [address = "", bits] = entry.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (isIP(address) === 0) continue;
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
