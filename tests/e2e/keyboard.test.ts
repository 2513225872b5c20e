// Guarantee: a person without a mouse gets to a builder, through a build's steps and back, and the
// page tells its keys.
import { dialog, expect, ORG, test } from "./journey";

test("commands, keys of the page, steps of a build", async ({ page, slipway, workers }) => {
  await workers.start("deckhand");
  const build = await slipway.finished(await slipway.force("capstan"));
  expect(build.results).toBe(2);
  await page.goto(ORG);
  await expect(page.getByRole("link", { name: "capstan" })).toBeVisible();

  await test.step("the command menu goes to a builder", async () => {
    await page.keyboard.press("Control+k");
    const find = page.getByRole("combobox", { name: "Find or do" });
    await expect(find).toBeFocused();
    await find.fill("capst");
    await expect(page.getByRole("option", { selected: true })).toContainText("capstan");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "capstan", exact: true })).toBeVisible();
    await expect(dialog(page, "Find or do")).toHaveCount(0);
  });

  await test.step("what was visited comes first, with the other chord too", async () => {
    await page.keyboard.press("Meta+k");
    await expect(page.getByRole("option").first()).toContainText("capstan");
    await page.keyboard.press("Escape");
    await expect(dialog(page, "Find or do")).toHaveCount(0);
  });

  await page.goto(slipway.buildPath(build));
  const here = page.getByRole("navigation", { name: "Steps" }).locator("[aria-current=step]");
  await expect(here).toContainText("compile");

  await test.step("? lists the keys", async () => {
    await page.keyboard.press("?");
    const sheet = dialog(page, "Keys of this page");
    for (const text of [
      "Next failed step",
      "Next step",
      "Step before",
      "Rebuild",
      "Follow the log",
    ]) {
      await expect(sheet.getByText(text, { exact: true })).toBeVisible();
    }
    await page.keyboard.press("Escape");
    await expect(sheet).toHaveCount(0);
  });

  await test.step("f, j, k", async () => {
    await page.keyboard.press("f");
    await expect(here).toContainText("test");
    await page.keyboard.press("f");
    await expect(here).toContainText("compile");
    await page.keyboard.press("j");
    await expect(here).toContainText("tidy");
    await expect(page).toHaveURL(/[?&]step=2\b/);
    await page.keyboard.press("k");
    await page.keyboard.press("k");
    await expect(here).toContainText("prepare");
    await page.goBack();
    await expect(here).toContainText("compile");
  });

  await test.step("g w, and Escape back to the builder", async () => {
    await page.keyboard.press("Escape");
    await expect(page.getByRole("heading", { name: "capstan", exact: true })).toBeVisible();
    await page.keyboard.press("g");
    await page.keyboard.press("w");
    await expect(page.getByRole("heading", { name: "Workers" })).toBeVisible();
  });
});
