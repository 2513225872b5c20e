// Guarantee: whoever starts Slipway for the first time comes from the printed link to a green build
// without a manual.
import { expect, test } from "@playwright/test";
import { type SlipwayInstance, startSlipway } from "../support/slipway-instance";

let slipway: SlipwayInstance;

test.beforeAll(async () => {
  slipway = await startSlipway({ env: { SLIPWAY_DEMO: "1" } });
});

test.afterAll(async () => {
  await slipway?.stop();
});

test("from the set-up link to the demo's green build", async ({ page }) => {
  const link = slipway.output.join("\n").match(/http:\S+\/setup\/\S+/)?.[0];
  expect(link, slipway.output.join("\n")).toBeDefined();
  await page.goto(String(link));
  await page.getByLabel("Name").fill("Ada Byron");
  await page.getByLabel("E-mail").fill("ada@example.org");
  await page.getByLabel("Password").fill("engine-1843");
  await page.getByRole("button", { name: "Make the account" }).click();

  await expect(page.getByRole("heading", { name: "Board" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Account of Ada Byron" })).toBeVisible();
  const row = page.getByRole("row", { name: /harbour/ });
  await expect(row.getByRole("img", { name: "success", exact: true })).toBeVisible();
  await row.getByRole("link", { name: "#1", exact: true }).click();
  await expect(page).toHaveTitle(/^success: harbour #1/);
  const steps = page.getByRole("navigation", { name: "Steps" });
  await expect(steps.getByRole("img", { name: "success" })).toHaveCount(4);

  await test.step("the link worked once", async () => {
    await page.goto(String(link));
    await expect(page.getByRole("heading", { name: "This link is not valid" })).toBeVisible();
  });
});
