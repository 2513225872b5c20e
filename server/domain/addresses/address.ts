/** IP addresses as bytes. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) is an IPv4 address. */

/** 4 bytes, or 16. */
export type Address = readonly number[];

const BYTE = /^(0|[1-9]\d{0,2})$/;
const GROUP = /^[0-9a-f]{1,4}$/i;
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** @returns null when the text is no address */
export function addressOf(text: string): Address | null {
  // A link-local address carries the interface it was seen on.
  const [plain = ""] = text.split("%");
  const bytes = plain.includes(":") ? ipv6(plain) : ipv4(plain);
  if (bytes === null) return null;
  return bytes.length === 16 && MAPPED.every((byte, index) => bytes[index] === byte)
    ? bytes.slice(12)
    : bytes;
}

/**
 * What one subscriber of a network has to choose addresses from: an IPv4 address alone, the first
 * half of an IPv6 address. A text that is no address stands for itself.
 */
export function networkOf(text: string): string {
  const address = addressOf(text);
  return address === null ? text : address.slice(0, address.length === 4 ? 4 : 8).join(".");
}

function ipv4(text: string): number[] | null {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => BYTE.test(part))) return null;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte < 256) ? bytes : null;
}

function ipv6(text: string): number[] | null {
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const [before, after] = halves.map(groups);
  if (before === null || before === undefined || after === null) return null;
  if (after === undefined) return before.length === 16 ? before : null;
  const zeros = 16 - before.length - after.length;
  return zeros < 2 ? null : [...before, ...Array<number>(zeros).fill(0), ...after];
}

/** Two bytes for each group; the last may be an IPv4 address. */
function groups(text: string): number[] | null {
  if (text === "") return [];
  const parts = text.split(":");
  const bytes: number[] = [];
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1 && part.includes(".") ? ipv4(part) : null;
    if (last !== null) bytes.push(...last);
    else if (GROUP.test(part)) {
      const group = Number.parseInt(part, 16);
      bytes.push(group >> 8, group & 0xff);
    } else return null;
  }
  return bytes;
}
