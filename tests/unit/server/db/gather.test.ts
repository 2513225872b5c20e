/** Who asks in one moment is answered by one statement, each with its own answer. */
import { expect, test } from "vitest";
import { gather } from "../../../../server/db/gather";

function asked() {
  const batches: (readonly number[])[] = [];
  let open: () => void = () => {};
  const call = gather(async (items: readonly number[]) => {
    batches.push(items);
    await new Promise<void>((resolve) => {
      open = resolve;
    });
    if (items.includes(-1)) throw new Error("refused");
    return items.map((item) => item * 2);
  });
  const next = async () => {
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    open();
  };
  return { batches, call, next };
}

test("calls of one turn go together, those that come meanwhile behind them", async () => {
  const { batches, call, next } = asked();
  const first = [call(1), call(2)];
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  const second = [call(3), call(4)];
  await next();
  expect(await Promise.all(first)).toEqual([2, 4]);
  await next();
  expect(await Promise.all(second)).toEqual([6, 8]);
  expect(batches).toEqual([
    [1, 2],
    [3, 4],
  ]);
});

test("a failure is told to those of its batch, and the next is asked all the same", async () => {
  const { call, next } = asked();
  const failed = Promise.allSettled([call(-1), call(1)]);
  await next();
  expect((await failed).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  const later = call(5);
  await next();
  expect(await later).toBe(10);
});

test("many come in bounded batches, none is forgotten", async () => {
  const sizes: number[] = [];
  const call = gather(async (items: readonly number[]) => {
    sizes.push(items.length);
    return items;
  });
  const all = Array.from({ length: 1_001 }, (_, index) => index);
  expect(await Promise.all(all.map(call))).toEqual(all);
  expect(sizes).toEqual([250, 250, 250, 250, 1]);
});
