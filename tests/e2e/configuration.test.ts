// Guarantee: the configuration is written in the browser with completion, mistakes stand at their
// lines, every activation is a version to go back to, and of two people at one document none loses
// a word.
import type { Page } from "@playwright/test";
import { dialog, expect, ORG, test } from "./journey";

const editorOf = (page: Page) =>
  page.getByRole("textbox", { name: "Configuration of crossing as YAML" });

async function write(page: Page, text: string): Promise<void> {
  await editorOf(page).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(text);
}

async function activate(page: Page): Promise<void> {
  await page.keyboard.press("Control+s");
  await dialog(page, "Activate these changes")
    .getByRole("button", { name: "Activate now" })
    .click();
  await expect(page.getByText(/^Active/)).toBeVisible();
}

const PROJECT = "# kept\nbuilders:\n  - name: ferry\n    workernames: [quay]\n    factory: []\n";

test("a project is written, mended, activated, gone back from, and merged", async ({ page }) => {
  await page.goto(`${ORG}/settings/configuration`);
  await page.getByRole("button", { name: "New project" }).click();
  await dialog(page, "New project").getByLabel("Name").fill("crossing");
  await page.getByRole("button", { name: "Write it" }).click();

  await test.step("names are completed from the schema", async () => {
    await write(page, "descr");
    await page.keyboard.press("Control+Space");
    await page.getByRole("option", { name: /^description/ }).click();
    await expect(editorOf(page)).toContainText("description: ");
  });

  await test.step("a mistake stands at its line, and leads there", async () => {
    await write(page, PROJECT.replace("workernames", "workernams"));
    const mistake = page.getByRole("button", {
      name: /error, line 4, column 5 unknown key "workernams"/,
    });
    await expect(mistake).toBeVisible();
    await expect(page.getByRole("button", { name: "Check and activate" })).toBeDisabled();
    await mistake.click();
    await expect(editorOf(page)).toBeFocused();
  });

  await test.step("it is activated, with its comments", async () => {
    await write(page, PROJECT);
    await activate(page);
    await expect(editorOf(page)).toContainText("# kept");
    await expect(page.getByRole("row", { name: /crossing 1 first version/ })).toBeVisible();
  });

  await test.step("a closed tab loses nothing", async () => {
    await write(page, PROJECT.replace("ferry", "barge"));
    await expect(page.getByText("kept in this browser")).toBeVisible();
    await page.reload();
    await page.getByRole("button", { name: "Go on with it" }).click();
    await expect(editorOf(page)).toContainText("barge");
    await editorOf(page).click();
    await activate(page);
    await expect(page.getByRole("row", { name: /crossing 2/ })).toContainText("barge");
  });

  await test.step("one click goes back", async () => {
    await page.getByRole("button", { name: "Go back to crossing 1" }).click();
    await expect(page.getByRole("row", { name: /crossing 3/ })).toContainText("back to version 1");
    await expect(editorOf(page)).toContainText("ferry");
  });

  await test.step("the second to save sees what the first did, and keeps both", async () => {
    const other = await page.context().newPage();
    await other.goto(page.url());
    await write(other, PROJECT.replace("factory: []", "factory: []\n    tags: [theirs]"));
    await write(page, PROJECT.replace("# kept", "# kept and mine"));
    await activate(other);
    await page.keyboard.press("Control+s");
    await page.getByRole("button", { name: "Activate now" }).click();
    const conflict = dialog(page, "Somebody saved meanwhile");
    await expect(conflict.getByText(/saved version 4 of project crossing/)).toBeVisible();
    await conflict.getByRole("button", { name: "Keep all of mine" }).click();
    await expect(editorOf(page)).toContainText("kept and mine");
    await other.close();
  });
});
