// Guarantee: a log of any length is read without a blank row and without a page that grows, its
// lines have addresses, and nothing moves under who reads elsewhere than at the end.
import type { Locator, Page } from "@playwright/test";
import { expect, logLines, logRow, plate, test } from "./journey";
import { MANY_LINES } from "./recipes";

const MAX_ROWS = 300;

test("a million lines", async ({ page, slipway, workers }) => {
  test.slow();
  await workers.start("cable");
  const requestId = await slipway.force("long-log");
  let build = await slipway.build(requestId);
  await expect(async () => {
    build = await slipway.build(requestId);
    expect(build.complete).toBe(true);
  }).toPass({ timeout: 4 * 60_000 });
  expect(build.results).toBe(0);
  const path = slipway.buildPath(build);
  await page.goto(path);
  const scroller = logLines(page);
  await expect(page.getByText(/^1,000,\d\d\d lines$/)).toBeVisible();
  const counted = await page.getByText(/^1,000,\d\d\d lines$/).textContent();
  const total = Number(counted?.replace(/\D/g, ""));
  expect(total).toBeGreaterThanOrEqual(MANY_LINES);
  await noBlankRow(scroller);

  await test.step("the middle, by the scrollbar", async () => {
    await scroller.evaluate((element) => {
      element.scrollTop = element.scrollHeight / 2;
    });
    const first = await noBlankRow(scroller);
    expect(first).toBeGreaterThan(0.45 * total);
    expect(first).toBeLessThan(0.55 * total);
    await showsItsOwnText(page, first + 5);
  });

  await test.step("on from there, by the wheel", async () => {
    await scroller.hover();
    let before = await noBlankRow(scroller);
    for (let turn = 0; turn < 8; turn += 1) {
      await page.mouse.wheel(0, 1_500);
      await expect.poll(() => noBlankRow(scroller)).toBeGreaterThan(before);
      before = await noBlankRow(scroller);
    }
    await showsItsOwnText(page, before + 5);
  });

  await test.step("the end, by a key", async () => {
    await scroller.focus();
    await page.keyboard.press("End");
    await expect(logRow(page, total)).toBeInViewport();
    await noBlankRow(scroller);
    await expect(scroller.getByText(`row ${MANY_LINES}`, { exact: true })).toBeInViewport();
  });

  await test.step("a link to a line", async () => {
    await page.goto("about:blank");
    await page.goto(`${path}#L654321`);
    await expect(logRow(page, 654_321)).toBeInViewport();
    await expect(logRow(page, 654_321)).toHaveAttribute("data-marked", "true");
    await showsItsOwnText(page, 654_321);
    await noBlankRow(scroller);
    await page
      .getByRole("link", { name: "Line 654323", exact: true })
      .click({ modifiers: ["Shift"] });
    await expect(page).toHaveURL(/#L654321-L654323$/);
    await expect(page.locator(".log-row[data-marked]")).toHaveCount(3);
  });
});

test("a log that grows is followed at its end only", async ({ page, slipway, workers, gate }) => {
  await workers.start("cable");
  const requestId = await slipway.force("live-log");
  await slipway.logged(requestId, "early 400");
  await page.goto(slipway.buildPath(await slipway.build(requestId)));
  const scroller = logLines(page);
  const follow = page.getByRole("button", { name: "Follow" });
  await expect(scroller.getByText("early 400", { exact: true })).toBeInViewport();
  await expect(follow).toHaveAttribute("aria-pressed", "true");

  await test.step("colours are colours", async () => {
    await expect(scroller.getByText("\x1b")).toHaveCount(0);
    const colour = (text: string) =>
      scroller
        .getByText(text, { exact: true })
        .evaluate((element) => getComputedStyle(element).color.match(/\d+/g)?.map(Number) ?? []);
    const [red = 0, green = 0, blue = 0] = await colour("red");
    expect(red).toBeGreaterThan(green + 40);
    expect(red).toBeGreaterThan(blue + 40);
    const [, , deep = 0] = await colour("blue");
    expect(deep).toBeGreaterThan(100);
    await expect(scroller.getByText("blue", { exact: true })).toHaveCSS("font-weight", "700");
  });

  await test.step("who reads elsewhere is not moved", async () => {
    await scroller.hover();
    await page.mouse.wheel(0, -2_000);
    await expect(follow).toHaveAttribute("aria-pressed", "false");
    const before = await noBlankRow(scroller);
    gate.open("more");
    await expect(page.getByRole("button", { name: "300 new lines" })).toBeVisible();
    expect(await noBlankRow(scroller)).toBe(before);
  });

  await test.step("and comes back with one button", async () => {
    await page.getByRole("button", { name: "300 new lines" }).click();
    await expect(scroller.getByText("later 300", { exact: true })).toBeInViewport();
    await expect(follow).toHaveAttribute("aria-pressed", "true");
    gate.open("end");
    await expect(scroller.getByText("last", { exact: true })).toBeInViewport();
    await expect(plate(page, "success")).toBeVisible();
  });
});

/** Rows cover the whole view, each with its text, and are few. @returns the first line in view */
async function noBlankRow(scroller: Locator): Promise<number> {
  let first = 0;
  await expect(async () => {
    const seen = await scroller.evaluate((element) => {
      const view = element.getBoundingClientRect();
      const rows = [...element.querySelectorAll<HTMLElement>(".log-row")];
      const visible = rows.filter((row) => {
        const box = row.getBoundingClientRect();
        return box.bottom > view.top + 1 && box.top < view.bottom - 1;
      });
      const boxes = visible.map((row) => row.getBoundingClientRect());
      const top = Math.min(...boxes.map((box) => box.top));
      const bottom = Math.max(...boxes.map((box) => box.bottom));
      const isShort = element.scrollHeight <= element.clientHeight;
      return {
        count: rows.length,
        blank: visible.filter((row) => row.querySelector(".log-coming")).length,
        isCovered:
          top <= view.top + 1 && (isShort || bottom >= view.top + element.clientHeight - 1),
        first: Number(visible[0]?.dataset.line) + 1,
      };
    });
    expect(seen).toMatchObject({ blank: 0, isCovered: true });
    expect(seen.count).toBeLessThanOrEqual(MAX_ROWS);
    first = seen.first;
  }).toPass();
  return first;
}

/** Headers stand before the first line printed: their number is the same all through. */
async function showsItsOwnText(page: Page, line: number): Promise<void> {
  const text = logRow(page, line).locator(".log-text");
  await expect(text).toHaveText(/^row \d+$/);
  const offset = line - Number((await text.textContent())?.slice("row ".length));
  expect(offset).toBeGreaterThanOrEqual(0);
  expect(offset).toBeLessThan(10);
}
