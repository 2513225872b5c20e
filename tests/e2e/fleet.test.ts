// Guarantee: a person without a mouse finds workers among others, pauses several with one reason, reads
// it in a worker's history, and unpauses; and whoever comes to the doors and is no worker is seen at once.
import { connect } from "node:net";
import type { Locator, Page } from "@playwright/test";
import { startSlipwayWorker } from "../support/slipway-worker";
import { ADMIN } from "./handover";
import { dialog, expect, ORG, test } from "./journey";

/** Presses Tab until it has the focus. */
async function tabTo(page: Page, target: Locator, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  await expect(target).toBeVisible();
  for (let presses = 0; presses < 60; presses += 1) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  await expect(target).toBeFocused();
}

test("filter, choose, pause with a reason, its history, unpause, by keys alone", async ({
  page,
  slipway,
  workers,
}) => {
  await workers.start("tender-1");
  const rows = page.locator("tbody tr");
  const button = (name: string) => page.getByRole("button", { name, exact: true });
  await page.goto(`${ORG}/workers`);
  await expect(page.getByRole("row", { name: /tender-1/ })).toContainText("idle");

  await test.step("a pattern leaves the two", async () => {
    await page.keyboard.press("/");
    await page.keyboard.type("^tender-[0-9]$");
    await expect(page.getByText("No worker is like this.")).toBeVisible();
    await page.keyboard.press("Tab");
    await expect(page.getByLabel("Regular expression")).toBeFocused();
    await page.keyboard.press("Space");
    await expect(rows).toHaveCount(2);
    await expect(page).toHaveURL(/re=1/);
  });

  await test.step("both are chosen and paused with one reason", async () => {
    await page.keyboard.press("j");
    await expect(page.getByRole("link", { name: "tender-1", exact: true })).toBeFocused();
    await page.keyboard.press("x");
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await expect(page.getByText("2 chosen:")).toBeVisible();
    await tabTo(page, button("Pause"), "Shift+Tab");
    await page.keyboard.press("Enter");
    await expect(dialog(page, "Pause: 2 workers").getByLabel("Reason")).toBeFocused();
    await page.keyboard.type("new disks");
    await page.keyboard.press("Enter");
    await expect(page.getByText("2 paused.", { exact: true })).toBeVisible();
    await expect(rows.filter({ hasText: `Paused by ${ADMIN.email}: new disks` })).toHaveCount(2);
  });

  await test.step("the state's filter, and the page before this one with the back button", async () => {
    const idle = page.getByRole("button", { name: /^idle/ });
    await tabTo(page, idle);
    await page.keyboard.press("Enter");
    await expect(page.getByText("No worker is like this.")).toBeVisible();
    await page.keyboard.press("Enter");
    await expect(rows).toHaveCount(2);
  });

  await test.step("a worker's history says who, why and when", async () => {
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "tender-1" })).toBeVisible();
    await tabTo(page, page.getByRole("tab", { name: "Overview" }));
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await expect(page.getByRole("tab", { name: "History", selected: true })).toBeFocused();
    const newest = page.getByRole("list", { name: "History" }).getByRole("listitem").first();
    await expect(newest).toContainText("Paused");
    await expect(newest).toContainText(ADMIN.email);
    await expect(newest).toContainText("new disks");
  });

  await test.step("unpaused; the history on the page follows", async () => {
    await tabTo(page, button("Unpause"), "Shift+Tab");
    await page.keyboard.press("Enter");
    await expect(dialog(page, "Unpause: tender-1")).toBeVisible();
    await page.keyboard.type("disks are in");
    await page.keyboard.press("Enter");
    const newest = page.getByRole("list", { name: "History" }).getByRole("listitem").first();
    await expect(newest).toContainText("Unpaused");
    await expect(newest).toContainText("disks are in");
    await expect(page.getByText("Ready for a build")).toBeVisible();
  });

  await slipway.call("workers/tender-2", "unpause", { reason: "the test is over" });
});

test("strangers at the doors are named while they come, and the doors are tried", async ({
  page,
  slipway,
}) => {
  await page.goto(`${ORG}/workers/doors`);
  await expect(page.getByRole("heading", { name: "The workers' doors" })).toBeVisible();

  await test.step("a browser is called one, without a reload", async () => {
    const browser = connect({ host: "127.0.0.1", port: slipway.pbPort });
    browser.on("error", () => {});
    browser.write("GET /coffee HTTP/1.1\r\nHost: ci\r\n\r\n");
    const row = page.getByRole("row").filter({ hasText: "It spoke HTTP" }).first();
    await expect(row).toContainText("its first word is GET");
  });

  await test.step("a name that nobody has, and whose it nearly is", async () => {
    const lost = await startSlipwayWorker({
      ...{ port: slipway.pbPort, name: "tendre-2", password: "x" },
    });
    const row = page.getByRole("row").filter({ hasText: "tendre-2" }).first();
    await expect(row).toContainText("meant is tender-2");
    await lost.stop();
  });

  await test.step("this server gets in by both doors", async () => {
    await page.getByRole("button", { name: "Try the doors from this server" }).click();
    await expect(page.getByText("Perspective Broker answers: this is our door.")).toBeVisible();
    await expect(page.getByText("The msgpack door answers: this is our door.")).toBeVisible();
    await expect(page.getByLabel("fails here")).toHaveCount(0);
  });
});
