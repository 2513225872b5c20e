// Guarantee: a request that waits says why, and the reason leads to its cause; pausing a worker is
// recorded with name and reason.
import { ADMIN } from "./handover";
import { dialog, expect, ORG, plate, test } from "./journey";

test("offline, paused, cancelled, built", async ({ page, slipway, workers }) => {
  const requestId = await slipway.force("queue", "to wait");
  await page.goto(`${ORG}/requests`);
  const row = page.getByRole("row", { name: /queue/ });
  await expect(row).toContainText("Its only worker, berth, is not connected.");
  await expect(row).toContainText("to wait");

  await test.step("the reason leads to the worker, which is paused", async () => {
    await row.getByRole("link", { name: "berth" }).click();
    await expect(page.getByText("It has never connected", { exact: true })).toBeVisible();
    await page.getByRole("button", { name: "Pause" }).click();
    const ask = dialog(page, "Pause: berth");
    await ask.getByLabel("Reason").fill("the crane is inspected");
    await ask.getByRole("button", { name: "Pause" }).click();
    await expect(
      page.getByText(
        `Paused by ${ADMIN.email}: the crane is inspected (it is not connected either)`,
      ),
    ).toBeVisible();
    await workers.start("berth");
    await expect(
      page.getByText(`Paused by ${ADMIN.email}: the crane is inspected`).first(),
    ).not.toContainText("not connected either");
  });

  await test.step("the request's page follows", async () => {
    await page.goto(`${ORG}/requests/${requestId}`);
    await expect(page.getByText("Its only worker, berth, is paused.")).toBeVisible();
    await page.getByRole("button", { name: "Cancel" }).click();
    const ask = dialog(page, `Cancel request ${requestId}`);
    await ask.getByLabel("Reason").fill("not needed any more");
    await ask.getByRole("button", { name: "Cancel the request" }).click();
    await expect(page.getByText("Cancelled before it ran")).toBeVisible();
  });

  await test.step("unpaused, it builds what waits", async () => {
    const next = await slipway.force("queue", "after the pause");
    await page.goto(`${ORG}/requests/${next}`);
    await expect(page.getByText("Its only worker, berth, is paused.")).toBeVisible();
    const other = await page.context().newPage();
    await other.goto(`${ORG}/workers`);
    await other.getByRole("row", { name: /berth/ }).getByRole("checkbox").check();
    await other.getByRole("button", { name: "Unpause" }).click();
    await dialog(other, "Unpause: berth").getByRole("button", { name: "Unpause" }).click();
    await expect(other.getByRole("row", { name: /berth/ })).toContainText("idle");
    await other.close();
    await page.waitForURL(/\/builds\/1$/);
    await expect(plate(page, "success")).toBeVisible();
  });
});
