// Guarantee: a person who knows no manual comes from an empty organisation to a green build by the
// browser alone, and a worker that does not get in is told of with the layer that fails.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { expect, type Page, test } from "@playwright/test";
import { makeBareRepository } from "../support/bare-repository";
import { GIT_USER, type GitHttpServer, startGitHttpServer } from "../support/git-http-server";
import { type SlipwayInstance, startSlipway } from "../support/slipway-instance";
import { ADMIN } from "./handover";
import { signIn } from "./journey";

let slipway: SlipwayInstance;
let folder: string;
let git: GitHttpServer;
const workers: string[] = [];

test.beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-set-up-"));
  makeBareRepository(join(folder, "hull.git"), {
    Makefile: "all:\n\techo built\ntest:\n\techo it floats\n",
    "a name\nwith a newline": "x",
  });
  git = await startGitHttpServer(folder);
  slipway = await startSlipway({
    env: { SLIPWAY_ADMIN_EMAIL: ADMIN.email, SLIPWAY_ADMIN_PASSWORD: ADMIN.password },
  });
});

test.afterAll(async () => {
  for (const dir of workers) shell(`buildbot-worker stop ${dir} || true`);
  await slipway?.stop();
  await git?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A terminal on the worker's machine, in a folder of its own. */
function shell(command: string): void {
  execFileSync("/bin/sh", ["-c", command], {
    cwd: folder,
    // The framework's types want NODE_ENV in every environment; a worker must not have it.
    env: {
      PATH: "/usr/bin:/bin",
      HOME: folder,
      LANG: "C.UTF-8",
      PYTHONWARNINGS: "ignore",
    } as unknown as NodeJS.ProcessEnv,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

async function addWorker(page: Page, name: string): Promise<{ make: string; start: string }> {
  await page.goto(`${slipway.url}/main/workers/add`);
  await page.getByLabel("Name").fill(name);
  await expect(page.getByText("This name is free.")).toBeVisible();
  await page.getByRole("button", { name: "Add it" }).click();
  await expect(page.getByText("Waiting for it to connect")).toBeVisible();
  const lines = page.locator("li code").filter({ hasText: /^buildbot-worker / });
  await expect(lines).toHaveCount(2);
  const [make = "", start = ""] = await lines.allTextContents();
  workers.push(name);
  return { make, start };
}

test.beforeEach(async ({ page }) => {
  await page.goto(`${slipway.url}/sign-in`);
  await signIn(page, ADMIN.email, ADMIN.password);
  // There is no builder yet, in either journey.
  await page.waitForURL(`${slipway.url}/main/welcome`);
});

test("a worker that does not get in is told of with the layer that fails", async ({ page }) => {
  test.skip(!existsSync("/usr/bin/buildbot-worker"), "buildbot-worker is not installed");
  const how = page.getByRole("list", { name: "How far it comes" });
  const failing = how.getByRole("listitem").filter({ has: page.getByLabel("fails here") });

  await test.step("names that are none are told of while they are typed", async () => {
    await page.goto(`${slipway.url}/main/workers/add`);
    await page.getByLabel("Name").fill("1 bad name");
    await expect(page.getByText(/^It is not a worker name/)).toBeVisible();
    await expect(page.getByRole("button", { name: "Add it" })).toBeDisabled();
  });

  const { make, start } = await addWorker(page, "lost-soul");
  // It waits a while for the login, and reports that it did not come.
  const startRefused = `${start} || true`;
  await test.step("another protocol, TLS where none is spoken", async () => {
    const browser = connect({ host: "127.0.0.1", port: slipway.pbPort });
    browser.on("error", () => {});
    browser.write("GET / HTTP/1.1\r\nHost: ci\r\n\r\n");
    await expect(failing).toContainText("It spoke HTTP");
    await expect(failing).toContainText("The protocol");
    const tls = connectTls({ host: "127.0.0.1", port: slipway.pbPort });
    tls.on("error", () => {});
    await expect(failing).toContainText("It spoke TLS, and this door does not.");
  });

  await test.step("a name that nobody has, from a real worker", async () => {
    shell(make.replace(/ lost-soul (\S+)$/, " last-soul $1"));
    shell(startRefused);
    await expect(failing).toContainText("The login name");
    await expect(failing).toContainText("last-soul");
    shell("buildbot-worker stop lost-soul && rm -rf lost-soul");
  });

  await test.step("a wrong password; the page says so after a reload, too", async () => {
    shell(make.replace(/\S+$/, "not-the-password"));
    shell(startRefused);
    await expect(failing).toContainText("The name is right, the password is not.");
    await page.reload();
    await expect(failing).toContainText("The name is right, the password is not.");
    await expect(page.getByText(make)).toHaveCount(0);
    shell("buildbot-worker stop lost-soul && rm -rf lost-soul");
  });

  await test.step("and it turns green with the right one", async () => {
    shell(make);
    shell(start);
    await expect(page.getByText("lost-soul is connected. It can build.")).toBeVisible();
  });
});

test("a private repository is told of plainly, and becomes a green build", async ({ page }) => {
  const steps = page.getByRole("list", { name: "Steps" });
  const done = steps.locator("> li").filter({ has: page.getByLabel("done") });

  await test.step("what is no repository is told", async () => {
    await page.getByLabel("Repository").fill(join(folder, "nowhere.git"));
    await page.getByRole("button", { name: "Look at it" }).click();
    await expect(page.getByText("There is no Git repository at this address.")).toBeVisible();
    await page.getByLabel("Repository").fill("ext::sh -c id");
    await page.getByRole("button", { name: "Look at it" }).click();
    await expect(page.getByRole("alert").filter({ hasText: "the address" })).toBeVisible();
  });

  await test.step("a private one asks for a password, and says when it is wrong", async () => {
    await page.getByLabel("Repository").fill(`${git.url}/private/hull.git`);
    await page.getByRole("button", { name: "Look at it" }).click();
    await expect(page.getByText("It asks for a user and a password.")).toBeVisible();
    await page.getByLabel("User").fill(GIT_USER.username);
    await page.getByLabel("Password or access token").fill("not this");
    await page.getByRole("button", { name: "Keep and look again" }).click();
    await expect(page.getByText("It does not accept this user and password.")).toBeVisible();
  });

  await test.step("with the right one it is found, and still is after a reload", async () => {
    await page.getByLabel("User").fill(GIT_USER.username);
    await page.getByLabel("Password or access token").fill(GIT_USER.password);
    await page.getByRole("button", { name: "Keep and look again" }).click();
    await expect(page.getByText("A Git repository, with 1 branch")).toBeVisible();
    await page.reload();
    await expect(page.getByText("A Git repository, with 1 branch")).toBeVisible();
    await expect(page.getByLabel(/^Commands/)).toHaveValue("make\nmake test");
  });

  await test.step("a real worker, with the page's own lines", async () => {
    test.skip(!existsSync("/usr/bin/buildbot-worker"), "buildbot-worker is not installed");
    const { make, start } = await addWorker(page, "shipwright");
    shell(make);
    shell(start);
    await expect(page.getByText("shipwright is connected. It can build.")).toBeVisible();
    await page.goto(`${slipway.url}/main/welcome`);
    await expect(done).toHaveCount(2);
  });

  await test.step("activated, built, green", async () => {
    const document = page.getByLabel(/^This is what will be activated/);
    await expect(document).toHaveValue(/SingleBranchScheduler/);
    await expect(document).toHaveValue(/auth_credentials: \[ada, "%\(secret:/);
    await page.getByRole("button", { name: "Activate it and build" }).click();
    await expect(page.getByText("It builds, and it is green")).toBeVisible();
    await expect(done).toHaveCount(4);
    await page.getByRole("link", { name: "See the board" }).click();
    await expect(page.getByRole("row", { name: /hull/ })).toBeVisible();
  });

  await test.step("nothing shows the password: no log, no configuration", async () => {
    const { steps } = await slipway.get<{ steps: { stepid: number }[] }>("builds/1/steps");
    const ids: number[] = [];
    for (const { stepid } of steps) {
      const { logs } = await slipway.get<{ logs: { logid: number }[] }>(`steps/${stepid}/logs`);
      ids.push(...logs.map(({ logid }) => logid));
    }
    expect(ids.length).toBeGreaterThanOrEqual(3);
    for (const logid of ids) {
      const raw = await page.request.get(`${slipway.url}/main/api/v2/logs/${logid}/raw`);
      expect(raw.status()).toBe(200);
      expect(await raw.text()).not.toContain(GIT_USER.password);
    }
    await page.goto(`${slipway.url}/main/settings/configuration`);
    await expect(page.getByRole("main")).toContainText("hull");
    expect(await page.content()).not.toContain("with $signs");
  });
});
