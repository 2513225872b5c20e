// Guarantee: a machine's worker is told an address where the door for its protocol is (W-115), however
// that address is written.
import { expect, test } from "vitest";
import { masterAddress } from "../../../../../server/fleet/latent/order";

const BOTH = { host: "ci.example.org", ports: { pb: 9989, msgpack: 9990 } };

test.each([
  [{}, { host: "ci.example.org", port: 9989, protocol: "pb" }],
  [{ masterFQDN: null }, { host: "ci.example.org", port: 9989, protocol: "pb" }],
  [
    { master_protocol: "msgpack_experimental_v7" },
    { host: "ci.example.org", port: 9990, protocol: "msgpack" },
  ],
  [{ masterFQDN: "10.0.0.1" }, { host: "10.0.0.1", port: 9989, protocol: "pb" }],
  [{ masterFQDN: "gate:7000" }, { host: "gate", port: 7000, protocol: "pb" }],
  [
    { masterFQDN: "gate", master_protocol: "msgpack_experimental_v7" },
    { host: "gate", port: 9990, protocol: "msgpack" },
  ],
  [{ masterFQDN: "[2001:db8::1]:7000" }, { host: "2001:db8::1", port: 7000, protocol: "pb" }],
  [{ masterFQDN: "[2001:db8::1]" }, { host: "2001:db8::1", port: 9989, protocol: "pb" }],
  [{ masterFQDN: "2001:db8::1" }, { host: "2001:db8::1", port: 9989, protocol: "pb" }],
])("%j", (config, address) => {
  expect(masterAddress(BOTH, config)).toEqual(address);
});

test("a closed door is never told, and the other one is when nothing is wanted", () => {
  const one = { host: "h", ports: { pb: null, msgpack: 9990 } };
  expect(masterAddress(one, {})).toEqual({ host: "h", port: 9990, protocol: "msgpack" });
  expect(() => masterAddress(one, { master_protocol: "pb" })).toThrow("the door for pb is closed");
});
