// Guarantee: a worker whose builds break is seen to rest: until when, for the how-manieth time, why; a
// person ends it with a reason, which its history keeps.
import { ADMIN } from "./handover";
import { dialog, expect, ORG, test } from "./journey";

test("a quarantine is shown, counted, and ended by a person", async ({
  page,
  slipway,
  workers,
}) => {
  await workers.start("limper");
  const breaks = async () => slipway.finished(await slipway.force("bilge"));
  // The first two are short. The third leaves time to look at it.
  for (let fault = 1; fault <= 2; fault += 1) {
    expect((await breaks()).results).toBe(4);
    await slipway.call("workers/limper", "unpause", { reason: "the test goes on" });
  }
  await page.goto(`${ORG}/workers?q=limper`);
  const row = page.getByRole("row", { name: /limper/ });
  await expect(row).toContainText("Ready for a build");
  await breaks();

  await test.step("the fleet's page follows", async () => {
    await expect(row).toContainText("quarantined");
    await expect(row).toContainText("(3rd in a row)");
    await expect(row).toContainText(/until \d\d:\d\d:\d\d/);
    await expect(row).toContainText(/back in \d+ s/);
    await expect(row).toContainText("of bilge");
  });

  await test.step("what waits says that it rests", async () => {
    await slipway.force("bilge", "after the rest");
    await row.getByRole("link", { name: "limper" }).click();
    const waiting = page.getByRole("row").filter({ hasText: "bilge" }).first();
    await expect(waiting).toContainText("It is in quarantine until");
    await expect(waiting).toContainText("Its only worker, limper, is in quarantine until");
  });

  await test.step("a person ends it", async () => {
    // What waits would break it again at once.
    await slipway.call("workers/limper", "pause", { reason: "to be looked at" });
    await expect(page.getByText(/Paused by .*: to be looked at/)).toBeVisible();
    await page.getByRole("button", { name: "Unpause" }).click();
    const ask = dialog(page, "Unpause: limper");
    await ask.getByLabel("Reason").fill("its disk was full");
    await ask.getByRole("button", { name: "Unpause" }).click();
    await page.getByRole("tab", { name: "History" }).click();
    const history = page.getByRole("list", { name: "History" });
    const line = history.getByRole("listitem").filter({ hasText: "its disk was full" }).first();
    await expect(line).toContainText(ADMIN.email);
    await expect(history.getByText("Put in quarantine").first()).toBeVisible();
    await expect(history.getByText(/fault 3 in a row/)).toBeVisible();
  });
});
