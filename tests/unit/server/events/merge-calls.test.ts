/** A wake-up that comes while one is being answered is answered too, and never by two at once. */
import { expect, test } from "vitest";
import { mergeCalls } from "../../../../server/events/merge-calls";

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
