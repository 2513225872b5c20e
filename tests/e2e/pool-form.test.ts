// Guarantee: a pool is made in the browser alone: its form, a test of one of its machines, saved; then it is
// changed by the same form, and what was written by hand beside it stays.
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { takeOver } from "./handover";
import { expect, ORG, test } from "./journey";

const NAME = "skiffs";

test("a pool from its form to its page, and changed", async ({ page }) => {
  await page.goto(`${ORG}/pools/add`);
  await expect(page.getByRole("heading", { name: "New pool" })).toBeVisible();

  await test.step("a form drawn from the schemas of the pool and of the driver, with its YAML", async () => {
    await page.getByRole("radio", { name: /Processes of this host/ }).check();
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("9 lives");
    await expect(page.getByText(/It is not a name of a pool/)).toBeVisible();
    await page.getByRole("textbox", { name: "Name", exact: true }).fill(NAME);
    await page.getByLabel("maxWorkers").fill("2");
    await page.getByLabel("minIdle").fill("3");
    await expect(page.getByText(/is more than the pool may have/)).toBeVisible();
    await page.getByLabel("minIdle").fill("0");
    const yaml = page.getByRole("region", { name: "YAML" });
    await expect(yaml).toContainText(`name: ${NAME}`);
    await expect(yaml).toContainText("type: LocalLatentWorker");
    await expect(yaml).toContainText("maxWorkers: 2");
    await isAccessible(page);
  });

  await test.step("one of its machines is tried", async () => {
    await page.getByRole("button", { name: "Test these settings" }).click();
    await expect(page.getByText("every stage passed")).toBeVisible();
  });

  await test.step("saved, it has its page", async () => {
    await page.getByRole("button", { name: "Make the pool" }).click();
    await expect(page.getByRole("heading", { name: `Pool ${NAME}`, exact: true })).toBeVisible();
    await expect(
      page.getByText("None yet: the first is made when a build wants it."),
    ).toBeVisible();
  });

  await test.step("changed by the same form", async () => {
    await page.getByRole("link", { name: "Change them" }).click();
    await expect(page.getByLabel("maxWorkers")).toHaveValue("2");
    await page.getByLabel("maxWorkers").fill("5");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(page.getByRole("heading", { name: `Pool ${NAME}`, exact: true })).toBeVisible();
    const { url, token } = takeOver();
    const answer = await fetch(`${url}${ORG}/api/v2/pools/${NAME}?field=max_workers&field=kind`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await answer.json()).toMatchObject({
      pools: [{ max_workers: 5, kind: "LocalLatentWorker" }],
    });
  });

  await test.step("on a phone, in the dark, of machines that join", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.goto(`${ORG}/pools/add`);
    await expect(page.getByLabel("maxWorkers")).toBeVisible();
    await expect(page.getByLabel("idleTimeout")).toHaveCount(0);
    await isAccessible(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
      360,
    );
  });
});

async function isAccessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
    .analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
}
