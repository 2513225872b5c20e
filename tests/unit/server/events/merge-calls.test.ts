/** A wake-up that comes while one is being answered is answered too, and never by two at once. */
import { expect, test } from "vitest";
import { mergeCalls, mergeCallsPer } from "../../../../server/events/merge-calls";

test("calls while it runs are one more run behind it", async () => {
  let runs = 0;
  let atOnce = 0;
  const call = mergeCalls(
    async () => {
      runs += 1;
      atOnce += 1;
      expect(atOnce).toBe(1);
      await Promise.resolve();
      atOnce -= 1;
    },
    () => {},
  );
  await Promise.all([call(), call(), call()]);
  expect(runs).toBe(2);
  await call();
  expect(runs).toBe(3);
});

test("what it throws is reported, and the next call runs", async () => {
  const errors: unknown[] = [];
  let runs = 0;
  const call = mergeCalls(
    async () => {
      runs += 1;
      throw new Error(`run ${runs}`);
    },
    (error) => errors.push(error),
  );
  await call();
  await Promise.all([call(), call()]);
  expect(errors).toHaveLength(3);
});

test("for one thing never two at once, in whichever moment it is called again", async () => {
  for (let ticks = 0; ticks < 12; ticks += 1) {
    const atOnce = new Map([
      ["a", 0],
      ["b", 0],
    ]);
    let runs = 0;
    const call = mergeCallsPer<string>(
      async (key) => {
        runs += 1;
        const now = (atOnce.get(key) ?? 0) + 1;
        expect(now).toBe(1);
        atOnce.set(key, now);
        await Promise.resolve();
        atOnce.set(key, 0);
      },
      (error) => {
        throw error;
      },
    );
    const first = call("a");
    for (let tick = 0; tick < ticks; tick += 1) await null;
    // Those who wait for the first are told while these come.
    const later = [call("a"), call("b")];
    await null;
    await Promise.all([first, ...later, call("a"), call("a")]);
    expect(runs).toBeGreaterThanOrEqual(3);
  }
});
