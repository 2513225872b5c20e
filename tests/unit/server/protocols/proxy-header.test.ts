// Guarantee: a PROXY header of either version is read to the byte, however it comes in pieces, and what
// is not one is left alone or refused for a reason that a person can act on.
import { describe, expect, it } from "vitest";
import { readProxyHeader } from "../../../../server/protocols/proxy-header";
import { version2 } from "../../../support/proxy-protocol";
import { seededRandom } from "../../../support/seeded-random";

const TCP4 = "PROXY TCP4 203.0.113.7 10.0.0.1 54321 9989\r\n";
const peer = (address: string, port: number) => ({ kind: "header", peer: { address, port } });

const HEADERS: [string, Uint8Array, object][] = [
  ["IPv4 as text", Buffer.from(TCP4), peer("203.0.113.7", 54_321)],
  [
    "IPv6 as text",
    Buffer.from("PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n"),
    peer("2001:db8::7", 1),
  ],
  ["a health check as text", Buffer.from("PROXY UNKNOWN\r\n"), { kind: "header", peer: null }],
  [
    "an unknown protocol with anything behind it",
    Buffer.from(`PROXY UNKNOWN ${"f".repeat(80)}\r\n`),
    { kind: "header", peer: null },
  ],
  ["IPv4 in bytes", version2("203.0.113.7", 54_321), peer("203.0.113.7", 54_321)],
  ["IPv6 in bytes", version2("2001:db8::7", 54_321), peer("2001:db8::7", 54_321)],
  ["IPv4 in IPv6's clothes", version2("::ffff:203.0.113.7", 9), peer("203.0.113.7", 9)],
  [
    "with more of the proxy's own behind it",
    version2("203.0.113.7", 7, { more: Buffer.alloc(500, 4) }),
    peer("203.0.113.7", 7),
  ],
  ["a health check in bytes", version2(null, 0), { kind: "header", peer: null }],
  ["a socket of the same host", version2("203.0.113.7", 7, { family: 0x31 }), { peer: null }],
];

describe.each(HEADERS)("%s", (_, header, expected) => {
  it("is read, and not what stands behind it", () => {
    const behind = Buffer.concat([header, Buffer.from([4, 0x82, 0x70, 0x62])]);
    expect(readProxyHeader(behind)).toMatchObject({ ...expected, length: header.length });
  });

  it("is waited for while it is not whole", () => {
    for (let length = 0; length < header.length; length++) {
      expect(readProxyHeader(header.subarray(0, length))).toEqual({ kind: "incomplete" });
    }
  });
});

it.each([
  ["a worker's greeting", Buffer.from([2, 0x82, 0x70, 0x62])],
  ["a handshake of TLS", Buffer.from([0x16, 3, 1, 2, 0])],
  ["a browser", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  ["nearly the word", Buffer.from("PROXIES ")],
  ["nearly the signature", Buffer.from("\r\n\r\n\0\r\nQUIX\n")],
])("%s is none", (_, bytes) => {
  expect(readProxyHeader(bytes)).toEqual({ kind: "none" });
});

it.each([
  ["a line without end", `PROXY TCP4 ${"1".repeat(200)}`],
  ["an unknown protocol", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n"],
  ["no addresses", "PROXY TCP4\r\n"],
  ["an address that is none", "PROXY TCP4 1.2.3.400 1.2.3.4 1 2\r\n"],
  ["a name for an address", "PROXY TCP4 localhost 1.2.3.4 1 2\r\n"],
  ["an address of the other kind", "PROXY TCP4 ::1 ::1 1 2\r\n"],
  ["a port that is none", "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"],
  ["two spaces", "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n"],
  ["too many words", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"],
])("%s is malformed", (_, line) => {
  expect(readProxyHeader(Buffer.from(line)).kind).toBe("malformed");
});

it("bytes that contradict themselves are malformed", () => {
  const changed = (at: number, ...bytes: number[]) => {
    const header = version2("203.0.113.7", 7);
    header.set(bytes, at);
    return readProxyHeader(header).kind;
  };
  expect(changed(12, 0x31)).toBe("malformed");
  expect(changed(12, 0x22)).toBe("malformed");
  expect(changed(14, 0, 11)).toBe("malformed");
  expect(changed(14, 0xff, 0xff)).toBe("malformed");
});

it("no bytes make it throw, and it asks for no more than it would take", () => {
  const random = seededRandom(20_261_128);
  const originals = HEADERS.map(([, header]) => header);
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(originals[random.below(originals.length)] as Uint8Array);
    for (let count = random.below(4); count >= 0; count--) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    const read = readProxyHeader(bytes);
    if (read.kind === "incomplete") {
      expect(readProxyHeader(Buffer.concat([bytes, Buffer.alloc(3_000, 0x20)])).kind).not.toBe(
        "incomplete",
      );
    }
  }
});
