// Guarantee: whoever listens to the live channel learns when events begin to come, on each
// connection, so that what happened before is asked for and nothing is missed.
import { describe, expect, it } from "vitest";
import { makeHub } from "../../../../app/_client/live";

function open() {
  const hub = makeHub();
  const asked: { topics: readonly string[]; answer: () => void }[] = [];
  const left: string[][] = [];
  hub.attach(
    (topics, answer) => asked.push({ topics, answer }),
    (topics) => left.push([...topics]),
  );
  return { hub, asked, left };
}

describe("the hub of the live channel", () => {
  it("tells a listener when its topics are subscribed to, also those that others have", () => {
    const { hub, asked } = open();
    const told: string[] = [];
    hub.listen(
      ["builds"],
      () => {},
      () => told.push("first"),
    );
    asked[0]?.answer();
    hub.listen(
      ["builds"],
      () => {},
      () => told.push("second"),
    );
    expect(asked.map(({ topics }) => topics)).toEqual([["builds"], ["builds"]]);
    expect(told).toEqual(["first"]);
    asked[1]?.answer();
    expect(told).toEqual(["first", "second"]);
  });

  it("tells all of them on a new connection, and nobody who left", () => {
    const { hub, asked, left } = open();
    const told: string[] = [];
    hub.listen(
      ["builds"],
      () => {},
      () => told.push("stays"),
    );
    const leave = hub.listen(
      ["log:7"],
      () => {},
      () => told.push("leaves"),
    );
    leave();
    asked[1]?.answer();
    hub.joined();
    expect(told).toEqual(["stays"]);
    expect(left).toEqual([["log:7"]]);
    expect(hub.topics()).toEqual(["builds"]);
  });
});
