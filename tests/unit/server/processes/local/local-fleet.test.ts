// Guarantee: local workers follow the configuration while it changes: the new start, the gone finish
// what they do, one that changed starts again after its old self has left, and none is started twice.
import { expect, it } from "vitest";
import { LocalFleet } from "../../../../../server/processes/local/local-fleet";
import type { ChildSpec } from "../../../../../server/processes/supervisor";

const spec = (name: string, ...args: string[]): ChildSpec => ({
  ...{ name, command: "worker", args, env: { NODE_ENV: "test" }, readyOnSpawn: true },
});

/** Keeps what it was asked, and lets a retired program go when told. */
function supervised(...running: ChildSpec[]) {
  const children = new Map(running.map((one) => [one.name, one]));
  const leaving = new Map<string, () => void>();
  const fleet = new LocalFleet(
    {
      add(one) {
        if (children.has(one.name)) throw new Error(`${one.name} is there`);
        children.set(one.name, one);
      },
      has: (name) => children.has(name),
      retire: (name) =>
        new Promise((resolve) => {
          leaving.set(name, () => {
            children.delete(name);
            leaving.delete(name);
            resolve();
          });
        }),
    },
    running,
  );
  return {
    fleet,
    running: () => [...children.values()].map(({ name, args }) => [name, ...args].join(" ")),
    leaving: () => [...leaving.keys()],
    async leave(name: string) {
      leaving.get(name)?.();
      await new Promise(setImmediate);
    },
  };
}

it("starts what is new and leaves alone what is the same", () => {
  const { fleet, running, leaving } = supervised(spec("a"));
  fleet.follow([spec("a"), spec("b")]);
  fleet.follow([spec("a"), spec("b")]);
  expect(running()).toEqual(["a", "b"]);
  expect(leaving()).toEqual([]);
});

it("lets one that was renamed go while its new self starts at once", async () => {
  const { fleet, running, leaving, leave } = supervised(spec("old"));
  fleet.follow([spec("new")]);
  expect(running()).toEqual(["old", "new"]);
  expect(leaving()).toEqual(["old"]);
  await leave("old");
  expect(running()).toEqual(["new"]);
});

it("starts one that runs differently after its old self has left, as it is wanted then", async () => {
  const { fleet, running, leave } = supervised(spec("a", "one"));
  fleet.follow([spec("a", "two")]);
  fleet.follow([spec("a", "three")]);
  expect(running()).toEqual(["a one"]);
  await leave("a");
  expect(running()).toEqual(["a three"]);
});

it("does not start one that is not wanted any more, and starts once what is wanted again", async () => {
  const { fleet, running, leave } = supervised(spec("a", "one"));
  fleet.follow([spec("a", "two")]);
  fleet.follow([]);
  await leave("a");
  expect(running()).toEqual([]);
  fleet.follow([spec("a", "one")]);
  fleet.follow([spec("a", "two")]);
  fleet.follow([]);
  fleet.follow([spec("a", "two")]);
  await leave("a");
  expect(running()).toEqual(["a two"]);
});
