// Guarantee: a person fills in a force scheduler's form without a mouse, is led to what is wrong,
// and gets the build that was asked for, by the worker that was chosen; a link fills the form in,
// and this browser knows what was used last.
import { dialog, expect, plate, test } from "./journey";

test("a form is filled in, mended, and becomes a build", async ({ page, slipway, workers }) => {
  await workers.start("stevedore");
  await workers.start("winch");
  await page.goto(await slipway.builderPath("crane"));
  await expect(page.getByRole("button", { name: "Load", exact: true })).toBeVisible();
  await page.keyboard.press("b");
  const form = dialog(page, "Load a ship: crane");
  await expect(form).toBeVisible();
  const field = (name: string) => form.getByLabel(name, { exact: true });
  const ship = form.getByLabel("Name of the ship");

  await test.step("a choice fills in another field", async () => {
    await field("Cargo").selectOption("timber");
    await form.getByRole("tab", { name: "Ship" }).focus();
    await page.keyboard.press("ArrowRight");
    await expect(form.getByRole("tab", { name: "Lift" })).toBeFocused();
    await expect(field("Hook")).toHaveValue("large");
    await field("Tons").fill("many");
    await field("Orders").fill("first\nsecond");
  });

  await test.step("what is wrong is shown where it is, and the first has the focus", async () => {
    await field("Reason").fill("spring tide");
    await page.keyboard.press("Enter");
    await expect(ship).toBeFocused();
    await expect(ship).toHaveAccessibleDescription(/is required/);
    await expect(form.getByRole("tab", { name: /^Lift.*with a problem$/ })).toBeVisible();
    await ship.fill("Cutty Sark");
    await form.getByLabel("lower").check();
    await page.keyboard.press("Enter");
    await expect(field("Tons")).toBeFocused();
    await expect(field("Tons")).toHaveAccessibleDescription(/must be a whole number/);
    await field("Tons").fill("40");
  });

  await test.step("a file is shown with its size, or refused at once", async () => {
    const file = (name: string, content: string | Buffer) => ({
      name,
      mimeType: "text/plain",
      buffer: Buffer.from(content),
    });
    await field("Manifest").setInputFiles(file("large.txt", "x".repeat(3_000)));
    await expect(form.getByText(/large\.txt has 3.* at most/)).toBeVisible();
    await field("Manifest").setInputFiles(file("image.png", Buffer.from([0x89, 0xff, 0x00])));
    await expect(form.getByText(/image\.png is not a text file/)).toBeVisible();
    await field("Manifest").setInputFiles(file("manifest.txt", "40 t of oak\n"));
    await expect(form.getByRole("status")).toHaveText("12 byte");
  });

  await field("Worker").selectOption("winch");
  await form.getByRole("button", { name: "Start the build" }).click();
  await page.waitForURL(/\/builds\/\d+$/);
  await expect(plate(page, "success")).toBeVisible();
  await expect(page.getByText(/A build was forced by '.*': spring tide/).first()).toBeVisible();

  await test.step("the build has these properties, and that worker", async () => {
    await page.goto(`${new URL(page.url()).pathname}?panel=properties`);
    const [, id] = /builders\/(\d+)/.exec(page.url()) ?? [];
    const { builds } = await slipway.get<{ builds: { properties: Record<string, unknown[]> }[] }>(
      `builders/${id}/builds?property=*&order=-number&limit=1`,
    );
    expect(builds[0]?.properties).toMatchObject({
      scheduler: ["load", "Scheduler"],
      reason: ["spring tide", "Force Build Form"],
      cargo: ["timber", "Force Build Form"],
      ship: [{ name: "Cutty Sark", decks: ["lower"], iced: true }, "Force Build Form"],
      lift: [{ hook: "large", tons: 40, orders: "first\nsecond" }, "Force Build Form"],
      manifest: ["40 t of oak\n", "Force Build Form"],
      workername: ["winch", "Worker"],
    });
    await expect(page.getByText("Cutty Sark")).toBeVisible();
    await expect(page.getByText("Force Build Form").first()).toBeVisible();
  });

  await test.step("the next time it knows what was used, and a link says otherwise", async () => {
    await page.goto(`${await slipway.builderPath("crane")}?force=load&branch=dev&lift_tons=7`);
    await expect(ship).toHaveValue("Cutty Sark");
    await expect(field("Cargo")).toHaveValue("timber");
    await expect(field("Branch")).toHaveValue("dev");
    await expect(field("Reason")).toHaveValue("force build");
    await form.getByRole("tab", { name: "Lift" }).click();
    await expect(field("Tons")).toHaveValue("7");
    await form.getByRole("button", { name: "Back to defaults" }).click();
    await expect(field("Tons")).toHaveValue("12");
    await page.keyboard.press("Escape");
    await expect(form).toHaveCount(0);
    await expect(page).not.toHaveURL(/force=|branch=/);
  });
});
