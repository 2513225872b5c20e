// Guarantee: a build whose worker dies is shown as what it is: it waits for a worker that may still
// have it, and is built again elsewhere once that one is known to have lost it; both attempts lead to
// each other.
import { dialog, expect, logLines, plate, test } from "./journey";

test("a killed worker's build goes green on another", async ({ page, slipway, workers }) => {
  const ebb = await workers.start("ebb");
  const requestId = await slipway.force("tide");
  await slipway.logged(requestId, "begun");
  const first = await slipway.build(requestId);
  await page.goto(slipway.buildPath(first));
  await expect(plate(page, "running")).toBeVisible();
  await expect(logLines(page).getByText("begun", { exact: true })).toBeVisible();

  await test.step("killed, it may still come back", async () => {
    ebb.process.kill("SIGKILL");
    await expect(page.getByText(/waiting for worker ebb to come back \(until/)).toBeVisible();
  });

  await test.step("started anew it has lost the build: the request waits again, with its reason", async () => {
    // What comes is not to take the build.
    await slipway.call("workers/ebb", "pause", { reason: "not again" });
    await workers.start("ebb");
    await expect(plate(page, "retry")).toBeVisible();
    await page.getByRole("link", { name: "Pending" }).click();
    const row = page.getByRole("row", { name: /tide/ });
    await expect(row).toContainText("2 workers match: 1 paused, 1 offline");
    await page.goBack();
  });

  await workers.start("flood", { MAY_END: "1" });
  const attempts = page.getByRole("navigation", { name: "Attempts" });
  await expect(attempts.getByRole("link")).toHaveCount(2);
  await expect(attempts.getByRole("link", { name: /success/ })).toBeVisible();
  await expect(attempts.getByRole("link", { name: /retry/ })).toHaveAttribute(
    "aria-current",
    "page",
  );
  await attempts.getByRole("link", { name: /success/ }).click();
  await expect(plate(page, "success")).toBeVisible();
  await expect(page.getByRole("link", { name: "flood" })).toBeVisible();
  await attempts.getByRole("link", { name: /retry/ }).click();
  await expect(plate(page, "retry")).toBeVisible();
  await expect(page.getByRole("link", { name: "ebb" })).toBeVisible();
  await expect(dialog(page, /./)).toHaveCount(0);
  await slipway.call("workers/ebb", "unpause");
});
