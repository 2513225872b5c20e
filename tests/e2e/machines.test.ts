// Guarantee: what people may do to machines on demand they can do in the browser, each after it asked why
// and with what becomes of builds said before: stop one that builds, that nobody needs, that never logs
// in; have the accounts swept, and what belongs to nobody stopped; hold and drain a pool. All that
// changes is seen without loading a page again.

import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { activate } from "./activate";
import { dialog, expect, fresh, ORG, plate, type Slipway, test } from "./journey";

/** A command that ends when the gate named is open; machines of this host see the same files. */
const until = (folder: string, gate: string) =>
  `echo holding; until [ -e "${join(folder, gate)}" ]; do sleep 0.1; done; echo up`;

const builder = (name: string, more: object, command = "echo up") => ({
  name,
  ...more,
  factory: [{ type: "ShellCommand", name: "hold", command, logEnviron: false }],
});

/** From the page of its build. */
async function toMachine(page: Page, slipway: Slipway, request: number): Promise<void> {
  await page.goto(slipway.buildPath(await slipway.build(request)));
  await page
    .locator("#content header")
    .getByRole("link", { name: /^machine \d+$/ })
    .first()
    .click();
  await expect(page.getByRole("heading", { name: /^Machine \d+ of / })).toBeVisible();
}

test("a machine that builds is stopped, and its build is built again; then one that is idle", async ({
  page,
  slipway,
  gate,
  context,
}) => {
  const [worker, name] = [fresh("skiff"), fresh("anchor")];
  await activate({
    workers: [{ type: "LocalLatentWorker", name: worker, build_wait_timeout: 600 }],
    projects: {
      [fresh("hands")]: {
        builders: [builder(name, { workernames: [worker] }, until(gate.folder, "go"))],
      },
    },
  });
  const request = await slipway.force(name, "to be held");
  const first = await slipway.build(request);
  await page.goto(slipway.buildPath(first));
  await expect(plate(page, "running")).toBeVisible();

  await test.step("it warns of the build, and leaves it when told so", async () => {
    await toMachine(page, slipway, request);
    await expect(plate(page, "building")).toBeVisible();
    const button = page.getByRole("button", { name: "Stop it" });
    await button.click();
    const asked = dialog(page, `Stop machine 1 of ${worker}`);
    await expect(asked).toContainText("A build runs on it: it ends as retry and is built again");
    await page.keyboard.press("Escape");
    await expect(asked).toHaveCount(0);
    await expect(button).toBeFocused();
    await expect(plate(page, "building")).toBeVisible();
  });

  await test.step("stopped, it is gone without the page being loaded again", async () => {
    await page.keyboard.press("Enter");
    const asked = dialog(page, `Stop machine 1 of ${worker}`);
    await asked.getByLabel("Reason").fill("it swaps");
    await page.keyboard.press("Enter");
    await expect(asked).toHaveCount(0);
    await expect(plate(page, "gone")).toBeVisible();
    await expect(page.getByText(/stopped its machine: it swaps/).first()).toBeVisible();
    await expect(page.getByRole("row", { name: new RegExp(`${name} #1`) })).toContainText("retry");
    await expect(page.getByRole("button", { name: /[Ss]top it/ })).toHaveCount(0);
  });

  await test.step("the build's page leads to the next try, which succeeds", async () => {
    await page.goto(slipway.buildPath(first));
    await expect(plate(page, "retry")).toBeVisible();
    await page
      .getByRole("navigation", { name: "Attempts" })
      .getByRole("link", { name: /2\s*#2/ })
      .click();
    gate.open("go");
    await expect(plate(page, "success")).toBeVisible();
  });

  await test.step("idle, it goes by the keyboard alone; whoever asks the same is told", async () => {
    await toMachine(page, slipway, request);
    await expect(plate(page, "idle")).toBeVisible();
    const other = await context.newPage();
    await other.goto(page.url());
    await other.getByRole("button", { name: "Stop it" }).click();
    const asked = dialog(other, `Stop machine 2 of ${worker}`);
    await expect(asked).toContainText("No build has it.");
    await page.getByRole("button", { name: "Stop it" }).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.type("not needed");
    await page.keyboard.press("Enter");
    await expect(plate(page, "gone")).toBeVisible();
    await expect(asked).toContainText("It is gone already");
    await asked.getByRole("button", { name: "Close" }).last().click();
    await expect(plate(other, "gone")).toBeVisible();
    await other.close();
  });
});

test("a machine that its provider does not make is waited for in plain words, and stopped", async ({
  page,
  slipway,
}) => {
  const [worker, name] = [fresh("raft"), fresh("signal")];
  // It takes what is said to it and answers nothing, until it has no container of that name.
  const held: ServerResponse[] = [];
  let isSilent = true;
  const answer = (response: ServerResponse) =>
    response.writeHead(404, { "content-type": "application/json" }).end('{"message":"none"}');
  const engine = createServer((_, response) => {
    if (isSilent) held.push(response);
    else answer(response);
  });
  await new Promise<void>((resolve) => engine.listen(0, "127.0.0.1", resolve));
  const { port } = engine.address() as AddressInfo;
  try {
    await activate({
      workers: [
        {
          ...{ type: "DockerLatentWorker", name: worker, image: "none" },
          docker_host: `tcp://127.0.0.1:${port}`,
        },
      ],
      projects: { [fresh("hands")]: { builders: [builder(name, { workernames: [worker] })] } },
    });
    const request = await slipway.force(name, "nobody answers");
    const build = await slipway.build(request);
    await page.goto(slipway.buildPath(build));
    await expect(plate(page, "preparing")).toBeVisible();
    const waits = page.getByRole("status").filter({ hasText: "Preparing its worker" });
    await expect(waits).toContainText(
      /the provider was asked for a machine and has not answered yet \(machine 1\), for \d/,
    );
    await expect(waits).toContainText(/unless it logs in, it is given up in \d/);

    await toMachine(page, slipway, request);
    await expect(plate(page, "requested")).toBeVisible();
    await page.getByRole("button", { name: "Stop it" }).click();
    const asked = dialog(page, `Stop machine 1 of ${worker}`);
    await expect(asked).toContainText("A build waits for it: it goes back to the queue");
    await asked.getByRole("button", { name: "Stop it" }).click();
    await expect(plate(page, "(gone|never came|stopping)")).toBeVisible();
    await page.goto(slipway.buildPath(build));
    await expect(plate(page, "retry")).toBeVisible();
    await slipway.call(`buildrequests/${request}`, "cancel", { reason: "seen" });
    isSilent = false;
    for (const response of held) answer(response);
    await page.goto(`${ORG}/instances?which=all`);
    const row = page.getByRole("row", { name: new RegExp(`${worker} 1`) });
    await expect(row).toContainText(/gone|never came/);
  } finally {
    engine.closeAllConnections();
    engine.close();
  }
});

test("accounts are swept at once, and what belongs to nobody is stopped", async ({
  page,
  slipway,
}) => {
  const [worker, name] = [fresh("lugger"), fresh("beach")];
  await activate({
    workers: [{ type: "LocalLatentWorker", name: worker, build_wait_timeout: 600 }],
    projects: { [fresh("hands")]: { builders: [builder(name, { workernames: [worker] })] } },
  });
  const build = await slipway.finished(await slipway.force(name, "for its machine"));
  expect(build.results).toBe(0);
  const stray = strand(worker);
  try {
    await page.goto(`${ORG}/instances/sweeps?all=1`);
    await test.step("the sweep finds it", async () => {
      await page.getByRole("button", { name: "Sweep now" }).click();
      await expect(page.getByText("Asked for: the reports come in below.")).toBeVisible();
      await expect(page.getByText(`${stray.key} belongs to nobody`)).toBeVisible();
    });
    await test.step("stopped at once, with a reason", async () => {
      await page.getByRole("button", { name: stray.key }).click();
      const asked = dialog(page, "Stop a machine that belongs to nobody");
      await expect(asked).toContainText("stopped without being seen a second time");
      await asked.getByLabel("Reason").fill("left behind");
      await asked.getByRole("button", { name: "Stop it" }).click();
      await expect(page.getByText(`${stray.key} belongs to nobody`)).toHaveCount(0);
      await stray.ended;
      const report = page.getByRole("list", { name: "Reports" }).getByRole("listitem");
      await expect(report.filter({ hasText: `${stray.key}: ` }).first()).toContainText("stopped");
    });
  } finally {
    stray.end();
  }
});

test("a pool is held, drained and set free again, and what waits says so", async ({
  page,
  slipway,
}) => {
  const name = fresh("locks");
  await activate({
    projects: { [fresh("hands")]: { builders: [builder(name, { pools: ["barges"] })] } },
  });
  await page.goto(`${ORG}/pools`);
  await page.getByRole("link", { name: "barges", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Pool barges" })).toBeVisible();
  const steer = async (action: string, reason: string) => {
    await page.getByRole("button", { name: action, exact: true }).click();
    const asked = dialog(page, `${action} pool barges`);
    await asked.getByLabel("Reason").fill(reason);
    await asked.getByRole("button", { name: action }).click();
    await expect(asked).toHaveCount(0);
  };
  // As a test before this one may have left it.
  if (await page.getByRole("button", { name: "Resume" }).isVisible()) await steer("Resume", "anew");
  await steer("Hold", "the river is low");
  await expect(plate(page, "held")).toBeVisible();
  await expect(
    page.getByText(/is held: no more machines are made, by .+: the river is low/),
  ).toBeVisible();

  const request = await slipway.force(name, "against the stream");
  const held = page.getByText(/It is held by .+: the river is low/);
  await expect(held).toBeVisible();
  const other = await page.context().newPage();
  await other.goto(`${ORG}/requests/${request}`);
  await expect(
    other.getByRole("status").getByText(/barges is held by .+: the river is low/),
  ).toBeVisible();

  await steer("Drain", "the locks are closed");
  await expect(plate(page, "draining")).toBeVisible();
  await expect(
    other.getByRole("status").getByText(/is being drained by .+: the locks are closed/),
  ).toBeVisible();
  await steer("Resume", "rain");
  await expect(page.getByRole("button", { name: "Hold" })).toBeVisible();
  // The request's page becomes the build's.
  await expect(plate(other, "success")).toBeVisible();
  await other.close();
});

/** A machine of the installation whose name nobody knows, as a crash may leave one behind. */
function strand(worker: string) {
  const mark = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(markOf)
    .find((found) => found?.key.includes(worker));
  if (!mark) throw new Error(`no machine of ${worker} runs here`);
  const key = `${mark.key}-lost`;
  const child = spawn("/bin/sleep", ["600"], {
    detached: true,
    stdio: "ignore",
    env: { SLIPWAY_MACHINE: JSON.stringify({ ...mark, key }) } as unknown as NodeJS.ProcessEnv,
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  return { key, ended, end: () => void child.kill("SIGKILL") };
}

function markOf(pid: string): { key: string; tag: object } | null {
  try {
    const environ = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    const mark = environ.find((line) => line.startsWith("SLIPWAY_MACHINE="));
    return mark ? JSON.parse(mark.slice(mark.indexOf("=") + 1)) : null;
  } catch {
    return null;
  }
}
