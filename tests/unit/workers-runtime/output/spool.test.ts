// Guarantee: what a command has said is read back as it was said, however much it is and while more of it
// comes; and nothing of it can be found on disk by its name.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Said, Spool, SpoolReader } from "../../../../workers-runtime/output/spool";
import { type SeededRandom, seededRandom } from "../../../support/seeded-random";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "slipway-spool-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function something(random: SeededRandom): Said {
  const text = Buffer.alloc(
    random.below(3) === 0 ? random.below(70_000) : random.below(90),
    "é\n\0x",
  );
  switch (random.below(6)) {
    case 0:
      return { key: "log", name: `log ${random.below(3)}`, text };
    case 1:
      return { key: "stderr", text };
    case 2:
      return { key: "elapsed", value: random.below(1_000) / 7 };
    case 3:
      return { key: "files", value: ["a", "ü\n"] };
    default:
      return { key: "stdout", text };
  }
}

/** Texts as something that is compared quickly. */
const plain = (said: Said | null) =>
  said !== null && "text" in said
    ? { ...said, text: Buffer.from(said.text).toString("latin1") }
    : said;

describe("a spool", () => {
  it.each([1, 2, 3, 4])("gives back what went in, in order (seed %i)", (seed) => {
    const random = seededRandom(seed);
    const spool = new Spool(directory);
    const all = Array.from({ length: 300 }, () => something(random));
    all.push({ key: "end", failure: seed === 1 ? "why" : null });
    const early = new SpoolReader(spool);
    const heard: unknown[] = [];
    for (const said of all) {
      spool.append([said]);
      // One reader keeps up now and then, another comes when all is over.
      for (let count = random.below(4); count > 0; count -= 1) heard.push(plain(early.next()));
    }
    const late = new SpoolReader(spool);
    const again: unknown[] = [];
    for (let said = early.next(); said !== null; said = early.next()) heard.push(plain(said));
    for (let said = late.next(); said !== null; said = late.next()) again.push(plain(said));
    const wanted = all.map(plain);
    expect(heard.filter((said) => said !== null)).toEqual(wanted);
    expect(again).toEqual(wanted);
    expect(spool.bytes).toBeGreaterThan(1_000_000);
    expect(readdirSync(directory)).toEqual([]);
    spool.close();
    expect(spool.bytes).toBe(0);
  });

  it("copies what it is given", () => {
    const spool = new Spool(directory);
    const text = Buffer.from("before");
    spool.append([{ key: "stdout", text }]);
    text.fill("x");
    expect(plain(new SpoolReader(spool).next())).toEqual({ key: "stdout", text: "before" });
  });

  it("can still be read when the disk does not take it", () => {
    const spool = new Spool(join(directory, "not-there"));
    const big = { key: "stdout", text: Buffer.alloc(100_000, "x") } as const;
    expect(() => spool.append([big])).toThrow("ENOENT");
    expect(() => spool.append([{ key: "end", failure: null }])).toThrow("ENOENT");
    const reader = new SpoolReader(spool);
    expect(plain(reader.next())).toEqual(plain(big));
    expect(reader.next()).toEqual({ key: "end", failure: null });
  });
});
