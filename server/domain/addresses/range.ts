/** Ranges of IP addresses: `10.0.0.0/8`, `2001:db8::/32`, or one address alone. */
import { type Address, addressOf } from "./address";

export interface Range {
  readonly address: Address;
  /** How many of its bits count. */
  readonly bits: number;
}

/** @returns null when the text is no range */
export function rangeOf(text: string): Range | null {
  const [written = "", length, ...more] = text.split("/");
  const address = written.includes("%") ? null : addressOf(written);
  if (address === null || more.length > 0) return null;
  const most = address.length * 8;
  if (length === undefined) return { address, bits: most };
  if (!/^\d{1,3}$/.test(length)) return null;
  // Of an IPv4 address that was written as IPv6, the first 96 bits are the same for all.
  const bits = Number(length) - (written.includes(":") ? 128 - most : 0);
  return bits >= 0 && bits <= most ? { address, bits } : null;
}

/** Whether the address, as text, lies in one of the ranges. What is no address lies in none. */
export function isWithin(text: string, ranges: readonly Range[]): boolean {
  const address = addressOf(text);
  return address !== null && ranges.some((range) => holds(range, address));
}

function holds(range: Range, address: Address): boolean {
  if (range.address.length !== address.length) return false;
  for (let bit = 0; bit < range.bits; bit += 8) {
    const counted = Math.min(8, range.bits - bit);
    const differs = (range.address[bit / 8] as number) ^ (address[bit / 8] as number);
    if (differs >> (8 - counted) !== 0) return false;
  }
  return true;
}
