// Guarantee: everything from sign-in to the raw log of a live build can be done by hand, with the
// commands that the pages offer and a worker program that knows nothing of us.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { projectRoot } from "../../server/env";
import { ADMIN } from "./handover";
import {
  dialog,
  expect,
  fresh,
  type Gate,
  logLines,
  NOBODY,
  ORG,
  plate,
  signIn,
  test,
} from "./journey";

test.use({ storageState: NOBODY });

const EARLY = 300;
const LIVE = 250;
const COMMAND = [
  `seq -f 'early %.0f' 1 ${EARLY}`,
  'until [ -e "$GATE/live" ]; do sleep 0.1; done',
  `seq -f 'live %.0f' 1 ${LIVE}`,
  'until [ -e "$GATE/end" ]; do sleep 0.1; done',
  "echo last",
].join("; ");
const counted = (word: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${word} ${n + 1}\n`).join("");
const PRINTED = `${counted("early", EARLY)}${counted("live", LIVE)}last\n`;

test("a worker, a builder, a token, a build by REST, its log live", async ({
  page,
  gate,
  slipway,
}) => {
  const machine = openMachine(gate);
  const [worker, project, builder] = [fresh("by-hand"), fresh("workshop"), fresh("bench")];
  try {
    await page.goto("/");
    await signIn(page, ADMIN.email, ADMIN.password);
    await expect(page.getByRole("heading", { name: "Board" })).toBeVisible();

    await test.step("the worker connects with the page's own commands", async () => {
      await page.getByRole("link", { name: "Workers", exact: true }).click();
      await page.getByRole("link", { name: "Add a worker" }).click();
      await page.getByLabel("Name").fill(worker);
      await page.getByRole("button", { name: "Add it" }).click();
      await expect(page.getByText("Waiting for it to connect")).toBeVisible();
      const commands = page.locator("li code").filter({ hasText: /^buildbot-worker / });
      await expect(commands).toHaveCount(2);
      for (const command of await commands.allTextContents()) machine.run(command);
      await expect(page.getByText(`${worker} is connected. It can build.`)).toBeVisible();
      await page.getByRole("link", { name: "Workers", exact: true }).click();
      const row = page.getByRole("row", { name: new RegExp(worker) });
      await expect(row.getByText("idle", { exact: true })).toBeVisible();
    });

    await test.step("the builder is written in the configuration", async () => {
      await page.getByRole("link", { name: "Configuration" }).click();
      await page.getByRole("button", { name: "New project" }).click();
      await dialog(page, "New project").getByLabel("Name").fill(project);
      await page.getByRole("button", { name: "Write it" }).click();
      const step = { type: "ShellCommand", name: "talk", command: COMMAND, logEnviron: false };
      const recipe = { name: builder, workernames: [worker], factory: [step] };
      await page.getByLabel(`Configuration of ${project} as YAML`).click();
      await page.keyboard.insertText(stringify({ builders: [recipe] }, { lineWidth: 0 }));
      await page.getByRole("button", { name: "Check and activate" }).click();
      await page.getByRole("button", { name: "Activate now" }).click();
      await expect(page.getByText(/^Active: /)).toContainText(project);
    });

    const token = await test.step("a token is made, and shown once", async () => {
      await page.getByRole("link", { name: "API tokens" }).click();
      await page.getByLabel("Name").fill(worker);
      await page.getByLabel("trigger start, rebuild and stop builds").check();
      await page.getByRole("button", { name: "Make the token" }).click();
      const shown = page.getByRole("status").filter({ hasText: "shown this once" });
      const text = String(await shown.locator("code").first().textContent());
      await page.reload();
      await expect(page.getByRole("row", { name: new RegExp(worker) })).toBeVisible();
      await expect(page.getByText(text)).toHaveCount(0);
      return text;
    });

    const requestId = await test.step("the token forces a build", async () => {
      const answer = await page.request.post(`${slipway.url}${ORG}/api/v2/builders/${builder}`, {
        headers: { authorization: `Bearer ${token}` },
        data: { jsonrpc: "2.0", id: 1, method: "force", params: { reason: "by hand" } },
      });
      expect(answer.status(), await answer.text()).toBe(200);
      const { result } = await answer.json();
      return Object.values(result.buildrequestids)[0] as number;
    });
    await slipway.logged(requestId, `early ${EARLY}\n`);

    await test.step("on arrival all earlier lines are there", async () => {
      await page.getByRole("link", { name: "Board" }).click();
      await page.getByRole("link", { name: builder }).click();
      // The board, which is still there until then, has builds #1 of its own.
      await page.waitForURL(/\/builders\/\d+$/);
      await page.getByRole("link", { name: "#1", exact: true }).click();
      await expect(plate(page, "running")).toBeVisible();
      await expect(logLines(page).getByText(`early ${EARLY}`, { exact: true })).toBeVisible();
      await page.getByRole("button", { name: "Top", exact: true }).click();
      await expect(logLines(page).getByText("early 1", { exact: true })).toBeVisible();
      await page.getByRole("button", { name: "End", exact: true }).click();
    });

    await test.step("new lines appear while the command runs", async () => {
      gate.open("live");
      await expect(logLines(page).getByText(`live ${LIVE}`, { exact: true })).toBeInViewport();
      await expect(plate(page, "running")).toBeVisible();
      gate.open("end");
      await expect(plate(page, "success")).toBeVisible();
      await expect(logLines(page).getByText("last", { exact: true })).toBeVisible();
      await expect(page).toHaveTitle(new RegExp(`^success: ${builder} #1`));
    });

    await test.step("every line is there, in order, and the raw file says the same", async () => {
      const download = page.waitForEvent("download");
      await page.getByRole("link", { name: "Raw" }).click();
      const raw = readFileSync(await (await download).path(), "utf8");
      expect(raw).toContain(PRINTED);
      const lines = raw.split("\n").slice(0, -1);
      await page.getByRole("button", { name: "As text" }).click();
      const shown = page.getByRole("list", { name: /^stdio of step talk/ }).getByRole("listitem");
      // The viewer opened where it was read last: go through its pages from the first on.
      while (await page.getByRole("button", { name: "Previous page" }).isEnabled()) {
        await page.getByRole("button", { name: "Previous page" }).click();
        await expect(shown.first()).toBeVisible();
      }
      const seen: string[] = [];
      for (;;) {
        seen.push(...(await shown.allTextContents()));
        const next = page.getByRole("button", { name: "Next page" });
        if (!(await next.isEnabled())) break;
        await next.click();
        await expect(shown.first()).toBeVisible();
      }
      expect(seen.map((line) => line.replace(/^(from the build|standard error): /, ""))).toEqual(
        lines,
      );
    });
  } finally {
    machine.stop();
  }
});

/** A folder as a machine's administrator has it, with `buildbot-worker` on its path. */
function openMachine(gate: Gate) {
  const folder = mkdtempSync(join(tmpdir(), "slipway-machine-"));
  const programs = join(folder, "bin");
  mkdirSync(programs);
  if (!existsSync("/usr/bin/buildbot-worker")) {
    test
      .info()
      .annotations.push({ type: "note", description: "buildbot-worker is missing: with our own" });
    const ours = join(projectRoot(), ".dist/worker.js");
    const script = `#!/bin/sh\nexec "${process.execPath}" "${ours}" "$@"\n`;
    writeFileSync(join(programs, "buildbot-worker"), script, { mode: 0o755 });
  }
  let worker: string | null = null;
  const run = (command: string) =>
    execFileSync("/bin/sh", ["-c", command], {
      cwd: folder,
      // The framework's types want NODE_ENV in every environment; a worker must not have it.
      env: {
        PATH: `${programs}:/usr/bin:/bin`,
        HOME: folder,
        LANG: "C.UTF-8",
        PYTHONWARNINGS: "ignore",
        GATE: gate.folder,
      } as unknown as NodeJS.ProcessEnv,
      stdio: ["ignore", "ignore", "inherit"],
    });
  return {
    run(command: string): void {
      expect(command).toMatch(/^buildbot-worker (create-worker|start) /);
      run(command);
      if (command.startsWith("buildbot-worker start ")) worker = command.split(" ").at(-1) ?? null;
    },
    stop(): void {
      if (worker) run(`buildbot-worker stop ${worker}`);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
