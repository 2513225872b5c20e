// Guarantee: a machine of one's own joins a pool by what the pool's page says and a worker program that knows
// nothing of us; the page tells who came by which token, and a machine that wants to go says so on it (K-034).
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { parse } from "yaml";
import { hasBuildbotWorker } from "../support/buildbot-worker";
import { takeOver } from "./handover";
import { dialog, expect, ORG, test } from "./journey";

test.skip(!hasBuildbotWorker(), "buildbot-worker is not installed");

const COMMAND = 'echo begun; until [ -e "$GATE/go" ]; do sleep 0.1; done';

test("a join token, a machine by its lines, and the machine goes", async ({
  page,
  slipway,
  gate,
}) => {
  const home = mkdtempSync(join(tmpdir(), "slipway-joins-"));
  const run = (text: string) =>
    execFileSync("sh", ["-c", text], {
      cwd: home,
      env: { PATH: "/usr/bin:/bin", HOME: home, LANG: "C.UTF-8", GATE: gate.folder } as never,
      stdio: "pipe",
    });
  const folder = join(home, "flotilla-1");
  try {
    await withPool();
    await page.goto(`${ORG}/pools`);
    await page.getByRole("link", { name: "flotilla" }).click();
    await expect(page.getByRole("heading", { name: "Join tokens" })).toBeVisible();
    await expect(page.getByText("No token yet")).toBeVisible();

    await test.step("it is shown once, with lines that work as they stand", async () => {
      await page.getByRole("button", { name: "New join token" }).click();
      await page.getByLabel("Name", { exact: true }).fill("two boats");
      await page.getByLabel("Uses at most").fill("none");
      await page.getByRole("button", { name: "Make the token" }).click();
      await expect(page.getByText("is a whole number")).toBeVisible();
      await page.getByLabel("Uses at most").fill("2");
      await page.getByRole("button", { name: "Make the token" }).click();
      await expect(page.getByText("This is the token, shown this once")).toBeVisible();
      const line = page.locator("li code").filter({ hasText: "create-worker" });
      await expect(line).toHaveCount(1);
      for (const place of ["systemd", "Compose", "Kubernetes"]) {
        await page.getByText(place, { exact: true }).click();
        await expect(
          page.locator("li code").filter({ hasText: "create-worker" }).first(),
        ).toBeVisible();
        await isAccessible(page);
      }
      await page.getByText("A shell", { exact: true }).click();
      run((await line.textContent()) ?? "");
      await page.getByRole("button", { name: "Done" }).click();
    });

    await test.step("who came by it", async () => {
      await expect(page.getByText("used 1 time of 2")).toBeVisible();
      const token = page.getByRole("listitem").filter({ hasText: "two boats" });
      await expect(token.getByRole("link", { name: "flotilla-1" })).toBeVisible();
      await expect(token).toContainText("from 127.0.0.1");
      await expect(token).not.toContainText("not connected");
    });

    await test.step("it wants to go: in words, and its build ends first", async () => {
      const request = await slipway.force("cast-off");
      await slipway.logged(request, "begun");
      const pid = Number(readFileSync(join(folder, "twistd.pid"), "utf8"));
      process.kill(pid, "SIGHUP");
      const place = page.getByRole("row", { name: /flotilla-1/ });
      await expect(place).toContainText("draining");
      await expect(place).toContainText(
        "it goes when its builds are over: it asks to be shut down",
      );
      await isAccessible(page);
      gate.open("go");
      expect((await slipway.finished(request)).results).toBe(0);
      await expect(place).toContainText("free");
    });

    await test.step("revoked, it lets nobody in", async () => {
      await page.getByRole("button", { name: "Revoke two boats" }).click();
      await dialog(page, "Revoke two boats")
        .getByRole("button", { name: "Revoke the token" })
        .click();
      await expect(
        page.getByRole("listitem").filter({ hasText: "two boats" }).getByText("revoked"),
      ).toBeVisible();
    });

    await test.step("in the other theme, and on a phone", async () => {
      await page.setViewportSize({ width: 360, height: 740 });
      for (const colorScheme of ["dark", "light"] as const) {
        await page.emulateMedia({ colorScheme });
        await page.getByRole("button", { name: "New join token" }).click();
        await isAccessible(page);
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(width).toBeLessThanOrEqual(360);
        await page.getByRole("button", { name: "Cancel" }).click();
      }
    });
  } finally {
    if (existsSync(join(folder, "twistd.pid"))) run("buildbot-worker stop flotilla-1");
    rmSync(home, { recursive: true, force: true });
  }
});

async function isAccessible(page: import("@playwright/test").Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"])
    .analyze();
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
}

/** Beside what the organisation has. */
async function withPool(): Promise<void> {
  const { url, token } = takeOver();
  const config = async (init: RequestInit = {}) =>
    fetch(`${url}${ORG}/api/v2/config`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    });
  const present = parse(await (await config()).text());
  const documents = {
    ...present,
    pools: [
      ...(present.pools ?? []).filter(({ name }: { name: string }) => name !== "flotilla"),
      { name: "flotilla", worker: { type: "Worker" }, maxWorkers: 2 },
    ],
    projects: {
      ...present.projects,
      flotilla: {
        builders: [
          {
            ...{ name: "cast-off", pools: ["flotilla"] },
            factory: [{ type: "ShellCommand", name: "set", command: COMMAND, logEnviron: false }],
          },
        ],
      },
    },
  };
  const body = JSON.stringify({ text: JSON.stringify(documents), force: true });
  const answer = await config({ method: "POST", body });
  expect(answer.status, await answer.text()).toBe(200);
}
