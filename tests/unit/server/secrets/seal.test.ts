// Guarantees: a sealed value opens under its key and no other, and not at all once changed.
import { expect, it } from "vitest";
import { seal, sealingKey, unseal } from "../../../../server/secrets/seal";

const key = sealingKey("one installation");

it("opens under its own key", () => {
  for (const clear of ["", "pässword", "x".repeat(10_000)]) {
    expect(unseal(key, seal(key, clear))).toBe(clear);
  }
  expect(seal(key, "a").equals(seal(key, "a"))).toBe(false);
});

it("does not open otherwise", () => {
  const sealed = seal(key, "secret");
  expect(() => unseal(sealingKey("another"), sealed)).toThrow();
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] as number) ^ 1;
    expect(() => unseal(key, changed)).toThrow();
  }
  expect(() => unseal(key, sealed.subarray(0, 20))).toThrow();
});
