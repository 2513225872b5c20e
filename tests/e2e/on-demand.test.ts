// Guarantee: a worker on demand is made in the browser alone: its form, a test of each stage with a real
// machine, its settings saved; then a build gets a machine of its own, which has a biography and goes.

import { activate, rest } from "./activate";
import { expect, fresh, ORG, plate, test } from "./journey";

test("from the form to a machine that is gone", async ({ page, slipway }) => {
  const [worker, builder, project] = [fresh("pinnace"), fresh("row"), fresh("demand")];
  await test.step("a form drawn from the driver's schema, with its YAML beside it", async () => {
    await page.goto(`${ORG}/workers/add`);
    await page.getByRole("radio", { name: /Processes of this host/ }).check();
    await page.getByRole("textbox", { name: "Name", exact: true }).fill("not a name");
    await expect(page.getByText(/It is not a worker name/)).toBeVisible();
    await page.getByRole("textbox", { name: "Name", exact: true }).fill(worker);
    await page.getByLabel("build_wait_timeout").fill("soon");
    await expect(page.getByText(/It must be a number, not string "soon"/)).toBeVisible();
    await page.getByLabel("build_wait_timeout").fill("0");
    const yaml = page.getByRole("region", { name: "YAML" });
    await expect(yaml).toContainText("type: LocalLatentWorker");
    await expect(yaml).toContainText("build_wait_timeout: 0");
  });

  await test.step("all stages of the test pass, and it leaves nothing", async () => {
    await page.getByRole("button", { name: "Test these settings" }).click();
    await expect(page.getByText("every stage passed")).toBeVisible();
    const stages = page.getByRole("list", { name: "Stages of the test" }).getByRole("listitem");
    await expect(stages).toHaveCount(4);
    await expect(stages.getByRole("img", { name: "done" })).toHaveCount(4);
    await expect(stages.nth(2)).toContainText(/It logged in: version .+, by /);
    await page.getByRole("link", { name: "Its machine" }).click();
    await expect(plate(page, "gone")).toBeVisible();
    await expect(page.getByText("a test of the settings, asked for by")).toBeVisible();
    await page.goBack();
  });

  await test.step("saved, it is on demand, and not offline", async () => {
    await page.goto(`${ORG}/workers/add?kind=LocalLatentWorker`);
    await page.getByRole("textbox", { name: "Name", exact: true }).fill(worker);
    await page.getByLabel("build_wait_timeout").fill("0");
    await page.getByRole("button", { name: "Add it" }).click();
    await expect(page.getByRole("heading", { name: worker })).toBeVisible();
    await expect(plate(page, "on demand")).toBeVisible();
    await expect(page.getByText("It has had none yet.")).toBeVisible();
  });

  await test.step("a build has a machine made, and shows it", async () => {
    await activate({
      projects: {
        [project]: {
          builders: [
            {
              name: builder,
              workernames: [worker],
              factory: [{ type: "ShellCommand", name: "pull", command: "echo together" }],
            },
          ],
        },
      },
    });
    const build = await slipway.finished(await slipway.force(builder, "for a machine"));
    expect(build.results).toBe(0);
    await page.goto(slipway.buildPath(build));
    await expect(page.getByRole("button", { name: /worker_preparation/ })).toBeVisible();
    await page.getByRole("link", { name: "machine 1" }).click();
  });

  await test.step("the machine's biography, to its end", async () => {
    await expect(page.getByRole("heading", { name: `Machine 1 of ${worker}` })).toBeVisible();
    await expect(plate(page, "gone")).toBeVisible();
    const events = page.getByRole("list", { name: "What happened" });
    for (const title of ["Asked for", "Its worker has logged in", "It is let go", "Gone"]) {
      await expect(events.getByText(title, { exact: true })).toBeVisible();
    }
    await expect(page.getByRole("row", { name: new RegExp(`${builder} #1`) })).toContainText(
      "success",
    );
    await expect(page.getByRole("img", { name: /Its life: .*building/ })).toBeVisible();
  });

  await test.step("by keys: machines, pools, and back to the worker", async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("i");
    await expect(page.getByRole("heading", { name: "Instances" })).toBeVisible();
    await page.getByRole("button", { name: "All", exact: true }).click();
    const newest = page.getByRole("link", { name: new RegExp(`^${worker} 1$`) });
    await expect(newest).toBeVisible();
    await page.keyboard.press("j");
    await expect(newest).toBeFocused();
    await page.keyboard.press("g");
    await page.keyboard.press("o");
    await expect(page.getByRole("heading", { name: "Pools" })).toBeVisible();
  });

  await test.step("what is edited stands in the document", async () => {
    await page.goto(`${ORG}/workers?q=${worker}`);
    const row = page.getByRole("row", { name: new RegExp(worker) });
    await expect(row).toContainText("on demand");
    await row.getByRole("link", { name: worker }).click();
    await page.getByRole("link", { name: "Settings", exact: true }).click();
    await page.getByLabel("build_wait_timeout").fill("300");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(plate(page, "on demand")).toBeVisible();
    const text = await (await rest("config")).text();
    expect(text).toMatch(new RegExp(`name: ${worker}\\n\\s+build_wait_timeout: 300`));
  });
});
