/** Work that gives way goes one behind the other and rests, exactly as long as somebody goes first. */
import { expect, test } from "vitest";
import type { Database } from "../../../../server/db/pool";
import { RightOfWay } from "../../../../server/db/right-of-way";

/** Each statement takes five milliseconds of a clock that moves only by statements and rests. */
function world() {
  let now = 1_000;
  const log: string[] = [];
  const way = new RightOfWay({
    now: () => now,
    async sleep(ms) {
      log.push(`rest ${ms}`);
      now += ms;
    },
  });
  const rows = async (text: unknown) => {
    log.push(`begin ${text}`);
    await null;
    now += text === "slow" ? 500 : 5;
    log.push(`end ${text}`);
    if (text === "wrong") throw new Error("refused");
    return [];
  };
  const transaction = (work: (tx: unknown) => Promise<unknown>) => work({ rows });
  const db = way.givingWay({ rows, transaction } as unknown as Database);
  return { way, db, log };
}

test("nobody goes first: statements run beside each other, without a rest", async () => {
  const { db, log } = world();
  await Promise.all([db.rows("a"), db.rows("b")]);
  expect(log).toEqual(["begin a", "begin b", "end a", "end b"]);
});

test("somebody goes first: one behind the other, each with a rest twice as long as itself", async () => {
  const { way, db, log } = world();
  way.goFirst(100);
  await Promise.all([db.rows("a"), db.rows("b"), db.rows("c")]);
  const one = (name: string) => [`begin ${name}`, `end ${name}`, "rest 10"];
  expect(log).toEqual([...one("a"), ...one("b"), ...one("c")]);
});

test("what took long rests no longer than is of use, and one that fails makes nobody wait for ever", async () => {
  const { way, db, log } = world();
  way.goFirst(10_000);
  const wrong = db.rows("wrong");
  await Promise.all([expect(wrong).rejects.toThrow("refused"), db.rows("slow"), db.rows("a")]);
  expect(log.filter((line) => line.startsWith("rest"))).toEqual(["rest 10", "rest 20", "rest 10"]);
});

test("the right of way ends by itself, also for those in line", async () => {
  const { way, db, log } = world();
  way.goFirst(8);
  await Promise.all([db.rows("a"), db.rows("b"), db.rows("c")]);
  expect(log.filter((line) => line.startsWith("rest"))).toEqual(["rest 10"]);
  log.length = 0;
  await Promise.all([db.rows("d"), db.rows("e")]);
  expect(log.slice(0, 2)).toEqual(["begin d", "begin e"]);
});

test("a shorter right of way does not end a longer one", async () => {
  const { way, db, log } = world();
  way.goFirst(100);
  way.goFirst(1);
  await db.rows("a");
  await db.rows("b");
  expect(log).toContain("rest 10");
});

test("a transaction holds what others may wait for, and is never held back", async () => {
  const { way, db, log } = world();
  way.goFirst(100);
  const first = db.rows("a");
  await db.transaction((tx) => tx.rows("held"));
  await first;
  expect(log.indexOf("begin held")).toBeLessThan(log.indexOf("end a"));
});
