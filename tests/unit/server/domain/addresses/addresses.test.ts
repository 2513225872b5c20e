// Guarantee: an address is in a range, or it is not, exactly as Node's own list of addresses says; and
// what is no address is in none.
import { BlockList, isIP } from "node:net";
import { expect, it } from "vitest";
import { addressOf, isWithin, networkOf, rangeOf } from "../../../../../server/domain/addresses";
import { seededRandom } from "../../../../support/seeded-random";

const within = (address: string, ...ranges: string[]) =>
  isWithin(
    address,
    ranges.flatMap((range) => rangeOf(range) ?? []),
  );

it.each([
  ["10.1.2.3", "10.0.0.0/8", true],
  ["11.1.2.3", "10.0.0.0/8", false],
  ["10.1.2.3", "10.1.2.3", true],
  ["10.1.2.4", "10.1.2.3", false],
  ["10.1.2.3", "0.0.0.0/0", true],
  ["192.168.5.129", "192.168.5.128/25", true],
  ["192.168.5.127", "192.168.5.128/25", false],
  ["2001:db8::1", "2001:db8::/32", true],
  ["2001:db9::1", "2001:db8::/32", false],
  ["::1", "::1", true],
  ["fe80::1%eth0", "fe80::/10", true],
  // One address, two ways to write it.
  ["::ffff:10.1.2.3", "10.0.0.0/8", true],
  ["10.1.2.3", "::ffff:10.0.0.0/104", true],
  ["10.1.2.3", "::/0", false],
  ["", "0.0.0.0/0", false],
  ["localhost", "0.0.0.0/0", false],
])("%s in %s: %s", (address, range, expected) => {
  expect(within(address, range)).toBe(expected);
});

it.each([
  ...["", "10.0.0", "10.0.0.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.0/33", "10.0.0.0/-1", "1/8"],
  ...[
    "10.0.0.0/8/8",
    "10.0.0.0/",
    "a::b::c",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "12345::",
    ":1",
  ],
  ...["::ffff:10.0.0.0/95", "fe80::1%eth0", "10.0.0.0 - 10.0.0.9", "*", "host.example.org"],
])("%j is no range", (text) => {
  expect(rangeOf(text)).toBeNull();
});

it("agrees with Node about ten thousand addresses and ranges", () => {
  const random = seededRandom(20_261_128);
  const byte = () => random.below(3) * 127;
  const v4 = () => [byte(), byte(), byte(), byte()].join(".");
  const v6 = () =>
    Array.from({ length: 8 }, () => (random.below(3) * 0x7fff).toString(16)).join(":");
  for (let round = 0; round < 10_000; round++) {
    const make = random.below(2) ? v4 : v6;
    const [address, network, bits] = [make(), make(), random.below(make === v4 ? 33 : 129)];
    const family = make === v4 ? "ipv4" : "ipv6";
    const list = new BlockList();
    list.addSubnet(network, bits, family);
    expect(isIP(address)).toBe(make === v4 ? 4 : 6);
    expect([address, network, bits, within(address, `${network}/${bits}`)]).toEqual([
      ...[address, network, bits, list.check(address, family)],
    ]);
  }
});

it("counts the addresses of one subscriber as one", () => {
  expect(networkOf("2001:db8:1:2:3::4")).toBe(networkOf("2001:db8:1:2::"));
  expect(networkOf("2001:db8:1:2::")).not.toBe(networkOf("2001:db8:1:3::"));
  expect(networkOf("::ffff:10.0.0.1")).toBe(networkOf("10.0.0.1"));
  expect(networkOf("10.0.0.1")).not.toBe(networkOf("10.0.0.2"));
  expect(networkOf("nowhere")).toBe("nowhere");
  expect(addressOf("1.2.3.4")).toEqual([1, 2, 3, 4]);
});
