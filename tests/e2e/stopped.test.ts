// Guarantee: a build stopped by a person says who stopped it and why, and a rebuild runs.
import { ADMIN } from "./handover";
import { dialog, expect, logLines, plate, test } from "./journey";

test("stop with a reason, then rebuild", async ({ page, slipway, workers, gate }) => {
  await workers.start("bollard");
  await page.goto(await slipway.builderPath("anchor"));
  await page.getByRole("button", { name: "Start a build" }).click();
  await dialog(page, "Start a build of anchor").getByLabel("Reason").fill("to be stopped");
  await page.getByRole("button", { name: "Start the build" }).click();

  await test.step("the request's page becomes the build's", async () => {
    await page.waitForURL(/\/builds\/\d+$/);
    await expect(plate(page, "running")).toBeVisible();
    await expect(logLines(page).getByText("holding", { exact: true })).toBeVisible();
    await expect(page.getByText("to be stopped")).toBeVisible();
  });

  await page.getByRole("button", { name: "Stop" }).click();
  const ask = dialog(page, "Stop anchor #1");
  await ask.getByLabel("Reason").fill("the chain is fouled");
  await ask.getByRole("button", { name: "Stop the build" }).click();
  await expect(plate(page, "cancelled")).toBeVisible();
  await expect(page.getByText(`Stopped by ${ADMIN.email}: the chain is fouled`)).toBeVisible();

  gate.open("go");
  await page.getByRole("button", { name: "Rebuild" }).click();
  await page.waitForURL(/\/builds\/2$/);
  await expect(plate(page, "success")).toBeVisible();
  await expect(page.getByText("Rebuild of #1")).toBeVisible();
  await page.getByRole("link", { name: "#1", exact: true }).click();
  await expect(page.getByText("Rebuilt as")).toBeVisible();
});
