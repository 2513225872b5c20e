// Guarantee: whatever a worker says of itself becomes facts of known shape and size.
import { describe, expect, it } from "vitest";
import type { Jelly } from "../../../../../server/protocols/pb/codec";
import { Dictionary } from "../../../../../server/protocols/pb/codec";
import { type AncientFacts, saidOf } from "../../../../../server/protocols/pb/said";
import { readWorkerFacts } from "../../../../../server/protocols/worker-facts";

const factsOf = (said: Jelly, ancient?: AncientFacts) => readWorkerFacts(saidOf(said, ancient));

const NOTHING = {
  version: "",
  system: "",
  basedir: "",
  numcpus: null,
  workerCommands: {},
  environ: {},
  info: {},
  keeps: null,
};

function dictionary(values: Record<string, Jelly>): Dictionary {
  return new Dictionary(
    Object.entries(values).map(([key, value]) => [Buffer.from(key), value] as const),
  );
}

describe("worker facts", () => {
  it("are read from what a worker says", () => {
    const said = dictionary({
      version: "4.3.0",
      system: "posix",
      basedir: "/w",
      numcpus: 8,
      worker_commands: dictionary({ shell: "3.3" }),
      environ: dictionary({ PATH: "/bin" }),
      admin: "me\n",
      os_id: Buffer.from("debian"),
      delete_leftover_dirs: false,
      slipway_keeps_commands: "1 0b5e-mark",
    });
    expect(factsOf(said)).toEqual({
      version: "4.3.0",
      system: "posix",
      basedir: "/w",
      numcpus: 8,
      workerCommands: { shell: "3.3" },
      environ: { PATH: "/bin" },
      info: { admin: "me\n", os_id: "debian", delete_leftover_dirs: "false" },
      keeps: "0b5e-mark",
    });
  });

  it.each<[string, Jelly]>([
    ["nothing", null],
    ["a number", 5],
    ["an empty dictionary", dictionary({})],
    ["nonsense", dictionary({ version: [], numcpus: 1.5, environ: 7, worker_commands: null })],
  ])("are empty for %s", (_, said) => {
    expect(factsOf(said)).toEqual(NOTHING);
  });

  it.each([
    ["another version", "2 0b5e-mark"],
    ["no version", "0b5e-mark"],
    ["no text", 1],
    ["something long", `1 ${"x".repeat(65)}`],
  ])("keep nothing for %s", (_, said) => {
    const facts = factsOf(dictionary({ slipway_keeps_commands: said }));
    expect(facts).toEqual(NOTHING);
  });

  it("cannot reach into the prototype", () => {
    const facts = factsOf(dictionary({ ["__proto__"]: "x", constructor: "y" }));
    expect(Object.keys(facts.info)).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(facts.info)).toBe(Object.prototype);
  });

  it("are a megabyte at most", () => {
    const texts = Array.from({ length: 100 }, (_, index) => [`key${index}`, "x".repeat(60_000)]);
    const facts = factsOf(dictionary(Object.fromEntries(texts)));
    expect(JSON.stringify(facts).length).toBeLessThan(1_100_000);
    expect(Object.keys(facts.info).length).toBeGreaterThan(10);
  });
});
