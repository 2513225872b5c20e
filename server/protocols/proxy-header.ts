/**
 * The PROXY protocol, versions 1 and 2: what a load balancer says of the connection that it passes on,
 * in front of everything else. Pure: bytes in, what they are out.
 */
import { addressOf } from "../domain/addresses";
import type { Peer } from "./contract";

export type ProxyHeader =
  /** Not yet to be told: more bytes must come. */
  | { readonly kind: "incomplete" }
  /** The bytes are no header, nor the beginning of one. */
  | { readonly kind: "none" }
  /** `peer` is null when the proxy speaks for itself, such as to see whether we are there. */
  | { readonly kind: "header"; readonly length: number; readonly peer: Peer | null }
  | { readonly kind: "malformed"; readonly detail: string };

const V1 = Buffer.from("PROXY ");
const V2 = Buffer.from("\r\n\r\n\0\r\nQUIT\n");
/** With its line end (PROXY protocol §2.1). */
const V1_MAX = 107;
const V2_FIXED = 16;
/** Addresses and whatever else the proxy adds; a real one adds some hundred bytes. */
const V2_MAX_REST = 2_048;
const V2_PROXY = 1;
const V2_FAMILIES: Readonly<Record<number, { name: string; bytes: number }>> = {
  1: { name: "IPv4", bytes: 4 },
  2: { name: "IPv6", bytes: 16 },
};

export function readProxyHeader(heard: Uint8Array): ProxyHeader {
  const bytes = Buffer.from(heard.buffer, heard.byteOffset, heard.length);
  for (const [signature, read] of [
    [V1, version1],
    [V2, version2],
  ] as const) {
    const common = Math.min(signature.length, bytes.length);
    if (!bytes.subarray(0, common).equals(signature.subarray(0, common))) continue;
    return common < signature.length ? { kind: "incomplete" } : read(bytes);
  }
  return { kind: "none" };
}

function version1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MAX).indexOf("\r\n");
  if (end < 0) {
    return bytes.length < V1_MAX
      ? { kind: "incomplete" }
      : malformed(`its line does not end within ${V1_MAX} bytes`);
  }
  const length = end + 2;
  const [, protocol, source, destination, port, ...rest] = bytes
    .subarray(0, end)
    .toString("latin1")
    .split(" ");
  if (protocol === "UNKNOWN") return { kind: "header", length, peer: null };
  const size = protocol === "TCP4" ? 4 : protocol === "TCP6" ? 16 : null;
  if (size === null) return malformed("its protocol is neither TCP4, TCP6 nor UNKNOWN");
  const isWhole = rest.length === 1 && isPort(port) && isPort(rest[0]);
  if (!isWhole || !isAddress(source, size) || !isAddress(destination, size)) {
    return malformed("its line has no two addresses and two ports");
  }
  return { kind: "header", length, peer: { address: plain(source), port: Number(port) } };
}

function version2(bytes: Buffer): ProxyHeader {
  if (bytes.length < V2_FIXED) return { kind: "incomplete" };
  const [version, command] = [bytes.readUInt8(12) >> 4, bytes.readUInt8(12) & 0x0f];
  const family = bytes.readUInt8(13) >> 4;
  const rest = bytes.readUInt16BE(14);
  if (version !== 2 || command > V2_PROXY) return malformed("its version or command is unknown");
  if (rest > V2_MAX_REST) return malformed(`it is ${rest} bytes long`);
  const length = V2_FIXED + rest;
  const known = V2_FAMILIES[family];
  if (command === V2_PROXY && known && rest < 2 * known.bytes + 4) {
    return malformed(`it is too short for two ${known.name} addresses`);
  }
  if (bytes.length < length) return { kind: "incomplete" };
  if (command !== V2_PROXY || !known) return { kind: "header", length, peer: null };
  const address = bytes.subarray(V2_FIXED, V2_FIXED + known.bytes);
  const port = bytes.readUInt16BE(V2_FIXED + 2 * known.bytes);
  return { kind: "header", length, peer: { address: plain(textOf(address)), port } };
}

const malformed = (detail: string): ProxyHeader => ({ kind: "malformed", detail });

const isPort = (text: string | undefined) =>
  text !== undefined && /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

function isAddress(text: string | undefined, size: number): text is string {
  if (text === undefined || text.includes(":") !== (size === 16)) return false;
  return !text.includes("%") && addressOf(text) !== null;
}

function textOf(address: Uint8Array): string {
  if (address.length === 4) return address.join(".");
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((address[2 * index] as number) << 8) | (address[2 * index + 1] as number)).toString(16),
  );
  // The longest run of zeros, as everybody writes it; the WHATWG's parser knows how.
  return new URL(`http://[${groups.join(":")}]/`).hostname.slice(1, -1);
}

/** An IPv4 address in IPv6's clothes is written as what it is. */
export function plain(address: string): string {
  const bytes = addressOf(address);
  return bytes?.length === 4 ? bytes.join(".") : address;
}
