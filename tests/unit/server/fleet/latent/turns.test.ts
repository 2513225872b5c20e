// Guarantee: never more calls of a kind at once for one account than it has places; nobody is forgotten in
// line, nobody waits for another account or lane, and a provider's pause is kept.
import { expect, test } from "vitest";
import type { OrgId } from "../../../../../server/domain/ids";
import {
  type Account,
  type Asker,
  type Clock,
  type Turn,
  Turns,
} from "../../../../../server/fleet/latent/turns";

class HandClock implements Clock {
  time = 1_000_000;
  #timers: { at: number; then: () => void }[] = [];
  now = () => this.time;
  later = (ms: number, then: () => void) => {
    this.#timers.push({ at: this.time + ms, then });
  };
  pass(ms: number): void {
    this.time += ms;
    const due = this.#timers.filter(({ at }) => at <= this.time);
    this.#timers = this.#timers.filter(({ at }) => at > this.time);
    for (const { then } of due) then();
  }
}

const account = (key: string, startsAtOnce = 2): Account => ({ key, title: key, startsAtOnce });
const A = account("a");

/** Those who want a turn, and what became of them. */
function people(turns: Turns, where = A) {
  const had = new Map<string, Turn>();
  const order: string[] = [];
  const asks = (id: string, orgId = 1, lane: "start" | "stop" | "inspect" = "start") => {
    const asker: Asker = {
      orgId: orgId as OrgId,
      id,
      async wake() {
        asks(id, orgId, lane);
      },
    };
    const turn = turns.take(where, lane, asker);
    if ("why" in turn) return turn.why;
    had.set(id, turn);
    order.push(id);
    return null;
  };
  return { had, order, asks };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("as many as there are places, the others in their order", async () => {
  const { had, order, asks } = people(new Turns());
  expect([asks("1"), asks("2")]).toEqual([null, null]);
  expect(asks("3")).toBe("2 machines are being started at a already");
  expect(asks("4")).not.toBeNull();
  // Whoever comes when there are some in line is behind them.
  had.get("1")?.end(true);
  expect(asks("5")).not.toBeNull();
  await settled();
  expect(order).toEqual(["1", "2", "3"]);
  // Said twice it counts once.
  had.get("1")?.end();
  await settled();
  expect(order).toHaveLength(3);
  for (const id of ["2", "3", "4"]) {
    had.get(id)?.end(true);
    await settled();
  }
  expect(order).toEqual(["1", "2", "3", "4", "5"]);
});

test("a stop waits for no start, and nobody for another account", () => {
  const turns = new Turns();
  const { asks } = people(turns);
  const other = people(turns, account("b"));
  for (const id of ["1", "2", "3"]) asks(id);
  expect(asks("1", 1, "stop")).toBeNull();
  expect(asks("1", 1, "inspect")).toBeNull();
  expect(other.asks("1")).toBeNull();
});

test("organisations that share an account take turns", async () => {
  const { had, order, asks } = people(new Turns(), account("a", 1));
  for (const id of ["a1", "a2", "a3"]) asks(id, 1);
  for (const id of ["b1", "b2"]) asks(id, 2);
  for (let at = 0; at < 4; at += 1) {
    had.get(order[at] as string)?.end(true);
    await settled();
  }
  expect(order).toEqual(["a1", "a2", "b1", "a3", "b2"]);
});

test("a place that is not wanted any more goes to the next", async () => {
  const turns = new Turns();
  const { had, order, asks } = people(turns, account("a", 1));
  asks("1");
  turns.take(account("a", 1), "start", {
    ...{ orgId: 1 as OrgId, id: "gone" },
    wake: () => Promise.reject(new Error("it is somebody else's")),
  });
  asks("2");
  had.get("1")?.end(true);
  await settled();
  expect(order).toEqual(["1", "2"]);
});

test("a pause is kept; after it starts begin with half as many and grow again", async () => {
  const clock = new HandClock();
  const turns = new Turns(clock);
  const four = account("a", 4);
  const { had, order, asks } = people(turns, four);
  for (const id of ["1", "2", "3", "4"]) asks(id);
  turns.pause(four, "start", 30);
  turns.pause(four, "start", 31);
  for (const id of ["1", "2", "3", "4"]) had.get(id)?.end();
  expect(asks("5")).toMatch(/^a asked to be left alone until \d\d:\d\d:\d\d UTC$/);
  expect(asks("5", 1, "inspect")).toMatch(/left alone/);
  expect(asks("5", 1, "stop")).toBeNull();
  for (const id of ["6", "7", "8", "9"]) asks(id);
  clock.pass(30_999);
  await settled();
  expect(order.slice(4)).toEqual(["5"]);
  clock.pass(1);
  await settled();
  // The stop, the look, and two starts.
  expect(order.slice(5).sort()).toEqual(["5", "5", "6"]);
  had.get("6")?.end(true);
  await settled();
  expect(order.slice(8)).toEqual(["7", "8"]);
});

test("a stop that is refused pauses all three", () => {
  const clock = new HandClock();
  const turns = new Turns(clock);
  const { asks } = people(turns);
  turns.pause(A, "stop", 5);
  for (const lane of ["start", "inspect", "stop"] as const) {
    expect(asks("1", 1, lane)).toMatch(/left alone/);
  }
  expect(turns.pause(A, "start", 1_000_000)).toBe(clock.time + 3_600_000);
});
