/** PROXY headers of version 2, as a load balancer sends them. */
import { addressOf } from "../../server/domain/addresses";

export interface Version2Options {
  /** Address family and transport; default: TCP over what the address is. */
  readonly family?: number;
  /** What the proxy adds behind the addresses. */
  readonly more?: Uint8Array;
}

/** @param source null: the proxy speaks for itself */
export function version2(
  source: string | null,
  port: number,
  { family, more = new Uint8Array() }: Version2Options = {},
): Buffer {
  const isIPv6 = source?.includes(":") ?? false;
  const address = source === null ? Buffer.alloc(0) : bytesOf(source, isIPv6);
  const ports = Buffer.alloc(source === null ? 0 : 4);
  if (source !== null) ports.writeUInt16BE(port, 0);
  const rest = Buffer.concat([address, address, ports, more]);
  const head = Buffer.alloc(16);
  head.write("\r\n\r\n\0\r\nQUIT\n", "latin1");
  head[12] = source === null ? 0x20 : 0x21;
  head[13] = family ?? (source === null ? 0 : isIPv6 ? 0x21 : 0x11);
  head.writeUInt16BE(rest.length, 14);
  return Buffer.concat([head, rest]);
}

function bytesOf(text: string, isIPv6: boolean): Buffer {
  const bytes = Buffer.from(addressOf(text) ?? []);
  const isMapped = isIPv6 && bytes.length === 4;
  return isMapped ? Buffer.concat([Buffer.alloc(10), Buffer.from([255, 255]), bytes]) : bytes;
}
