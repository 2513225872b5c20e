// Guarantee: updates leave in the order of events, joined up to a bound, and never in a string that a
// peer would refuse.
import { expect, it } from "vitest";
import type { CommandChannel, Update } from "../../../../workers-runtime/output/update";
import { UpdateBatch } from "../../../../workers-runtime/output/update-batch";

function recorded() {
  const sent: Update[] = [];
  const channel: CommandChannel = {
    send: (updates) => void sent.push(...updates),
    complete() {},
    isFull: false,
    onRoom() {},
  };
  return { sent, batch: new UpdateBatch(channel) };
}

const told = (updates: readonly Update[]) =>
  updates.map((update) =>
    "text" in update
      ? [update.key, Buffer.from(update.text).toString()]
      : [update.key, update.value],
  );

it("joins neighbours of one stream and keeps the order of streams and values", () => {
  const { sent, batch } = recorded();
  batch.text("header", "h");
  batch.text("stdout", "a");
  batch.text("stdout", "b");
  batch.text("stderr", "c");
  batch.log("one", Buffer.from("1"));
  batch.log("two", Buffer.from("2"));
  batch.value({ key: "rc", value: 0 });
  batch.text("stdout", "d");
  expect(sent).toEqual([]);
  batch.flush();
  expect(told(sent)).toEqual([
    ["header", "h"],
    ["stdout", "ab"],
    ["stderr", "c"],
    ["log", "1"],
    ["log", "2"],
    ["rc", 0],
    ["stdout", "d"],
  ]);
});

it("sends at once when it is full", () => {
  const { sent, batch } = recorded();
  batch.text("stdout", "x".repeat(60_000));
  expect(sent).toHaveLength(0);
  batch.text("stdout", "y".repeat(6_000));
  expect(sent).toHaveLength(1);
});

it("sends what is left after a while", async () => {
  const sent: Update[] = [];
  await new Promise<void>((resolve) => {
    const channel: CommandChannel = {
      send(updates) {
        sent.push(...updates);
        resolve();
      },
      complete() {},
      isFull: false,
      onRoom() {},
    };
    new UpdateBatch(channel, 1).text("stdout", "late\n");
  });
  expect(told(sent)).toEqual([["stdout", "late\n"]]);
});

it("cuts a text that is too long for one string between characters", () => {
  const { sent, batch } = recorded();
  const text = `${"é".repeat(400_000)}x`;
  batch.text("header", text);
  batch.flush();
  const pieces = told(sent).map(([, piece]) => String(piece));
  expect(pieces.length).toBeGreaterThan(2);
  expect(pieces.join("") === text).toBe(true);
});
