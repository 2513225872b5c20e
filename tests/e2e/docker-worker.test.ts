// Guarantee: a Docker worker is made in the browser alone, on a real engine: its form with a secret that
// is chosen, a test that goes through every stage and leaves no container, one that is cancelled, one
// without its image in the engine's words; saved, it builds green in a container that goes.
import type { Page } from "@playwright/test";
import { type DockerEngine, startDockerEngine } from "../support/docker-engine";
import {
  type DockerRegistry,
  hasDockerRegistry,
  startDockerRegistry,
} from "../support/docker-registry";
import { type DockerWorkers, dockerWorkers } from "../support/docker-workers";
import { takeOver } from "./handover";
import { expect, ORG, plate, test } from "./journey";

const NAME = "clipper";
const USER = { username: "puller", password: "only-for-the-registry" };

let engine: DockerEngine | null = null;
let images: DockerRegistry | null = null;
let programs: DockerWorkers | null = null;
let image = "";

test.beforeAll(async () => {
  if (!hasDockerRegistry()) return;
  engine = await startDockerEngine();
  if (engine === null) return;
  programs = await dockerWorkers(engine);
  images = await startDockerRegistry({ user: USER });
  image = await images.push(engine.docker, engine.hostfs.image, "team/worker:1");
});
test.afterAll(async () => {
  await images?.stop();
  await engine?.stop();
  programs?.remove();
});

interface Options {
  readonly docker_host: string;
  readonly command: readonly string[];
  readonly volumes: readonly string[];
}

test("from the form to a container that is gone", async ({ page, slipway }) => {
  test.skip(engine === null, "there is no Docker engine here: see what was said above");
  if (engine === null || programs === null) return;
  const { docker, host } = engine;
  const { command, volumes } = programs.slipway as Options;
  const containers = () => docker.listContainers({ all: true }).then(({ length }) => length);
  const named = (name: string) => ({ name: new RegExp(`^${name}( required)?$`) });
  const option = (name: string) => page.getByRole("textbox", named(name));
  const auth = page.getByRole("group", { name: "registry_auth" });

  await test.step("its options, the password a secret that is chosen", async () => {
    await setSecret("harbour/password", USER.password);
    await page.goto(`${ORG}/workers/add?kind=DockerLatentWorker`);
    await page.getByRole("textbox", { name: "Name", exact: true }).fill(NAME);
    await option("docker_host").fill(host);
    await option("image").fill(`${image.replace(/:1$/, "")}:%(prop:flavour)s`);
    await unfold(page);
    await option("command").fill(command.join(" "));
    for (const [at, volume] of volumes.entries()) {
      if (at > 0) await page.getByRole("button", { name: "One more for volumes" }).click();
      await option(at === 0 ? "volumes" : `volumes, ${at + 1}`).fill(volume);
    }
    await option("hostconfig").fill("network_mode: host");
    await option("masterFQDN").fill("127.0.0.1");
    await page.getByRole("combobox", named("autopull")).selectOption({ label: "yes" });
    await auth.getByRole("textbox", named("username")).fill(USER.username);
    // What is needed is said where it belongs, as soon as something of it is there.
    await expect(auth.getByText("It is missing (text).")).toHaveCount(1);
    await auth
      .getByRole("combobox", named("password"))
      .selectOption({ label: "secret harbour/password" });
    const yaml = page.getByRole("region", { name: "YAML" });
    await expect(yaml).toContainText("%(secret:harbour/password)s");
    // Who chooses the image would choose who gets the password.
    await expect(page.getByText(/needs its serveraddress/).first()).toBeVisible();
    await auth.getByRole("textbox", named("serveraddress")).fill(image.split("/")[0] as string);
    await expect(page.getByText(/needs its serveraddress/)).toHaveCount(0);
  });

  const outcome = (words: string) => expect(page.getByText(words, { exact: true })).toBeVisible();
  const stages = page.getByRole("list", { name: "Stages of the test" }).getByRole("listitem");
  const answer = page.getByLabel("%(prop:flavour)s");

  await test.step("an image that the registry has not ends it in the engine's words", async () => {
    await answer.fill("9");
    await page.getByRole("button", { name: "Test these settings" }).click();
    await outcome("it failed");
    await expect(stages.nth(1)).toContainText(
      /worker:9 cannot be pulled: .*(unknown|none of that)/,
    );
    await shots(page, "missing");
    expect(await containers()).toBe(0);
  });

  await test.step("every stage passes, the image is pulled, and it leaves no container", async () => {
    await answer.fill("1");
    await page.getByRole("button", { name: "Test again" }).click();
    await outcome("every stage passed");
    await expect(stages).toHaveCount(5);
    await expect(stages.getByRole("img", { name: "done" })).toHaveCount(5);
    await expect(stages.nth(0)).toContainText(/Docker \S+ \(API 1\.\d+/);
    await expect(stages.nth(3)).toContainText(/It logged in: version .+, by /);
    await shots(page, "passed");
    expect(await containers()).toBe(0);
    const tags = (await docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []);
    expect(tags).toContain(image);
  });

  await test.step("cancelled in the middle, it leaves none either", async () => {
    await option("command").fill("sleep 1000");
    await page.getByRole("button", { name: "Test again" }).click();
    await expect(stages.nth(3).getByRole("img", { name: "running" })).toBeVisible();
    expect(await containers()).toBe(1);
    await page.getByRole("button", { name: "Cancel" }).click();
    await outcome("cancelled");
    await expect(stages.nth(3)).toContainText("Cancelled by");
    await shots(page, "cancelled");
    expect(await containers()).toBe(0);
    await option("command").fill(command.join(" "));
  });

  await test.step("saved, a build is green in a container that goes", async () => {
    await page.getByRole("button", { name: "Add it" }).click();
    await expect(page.getByRole("heading", { name: NAME })).toBeVisible();
    await expect(plate(page, "on demand")).toBeVisible();
    await activate();
    await docker.getImage(image).remove();
    const build = await slipway.finished(await slipway.force("sail", "in a container"));
    expect(build.results).toBe(0);
    await page.goto(slipway.buildPath(build));
    const preparation = page.getByRole("button", { name: /worker_preparation/ });
    await preparation.click();
    await expect(page.getByText(/Status: Downloaded newer image/)).toBeVisible();
    await shots(page, "build");
    await expect.poll(containers).toBe(0);
    const text = await (await rest("config")).text();
    expect(text).toContain("%(secret:harbour/password)s");
    expect(text).not.toContain(USER.password);
  });
});

/** What is folded away at first. */
async function unfold(page: Page): Promise<void> {
  const closed = page.locator("form details:not([open]) > summary");
  while ((await closed.count()) > 0) await closed.first().click();
}

/** For whoever wants to look at them: both themes, and a phone. */
async function shots(page: Page, name: string): Promise<void> {
  const folder = process.env.SLIPWAY_TEST_SHOTS;
  if (!folder) return;
  const size = page.viewportSize();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 });
      const at = `${folder}/${name}-${colorScheme}-${width}`;
      await page.screenshot({ path: `${at}.png`, fullPage: true });
      for (const title of ["Test", "The machine"]) {
        const heading = page.getByRole("heading", { name: title, exact: true });
        const part = page.locator("section", { has: heading }).last();
        if ((await part.count()) > 0) await part.screenshot({ path: `${at}-${title}.png` });
      }
    }
  }
  await page.emulateMedia({ colorScheme: null });
  if (size) await page.setViewportSize(size);
}

const rest = (path: string, init: RequestInit = {}) => {
  const { url, token } = takeOver();
  return fetch(`${url}${ORG}/api/v2/${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
  });
};

async function setSecret(name: string, value: string): Promise<void> {
  const answer = await rest(`secrets/${name}`, { method: "PUT", body: JSON.stringify({ value }) });
  expect(answer.status, await answer.text()).toBe(200);
}

async function activate(): Promise<void> {
  const builder = {
    ...{ name: "sail", workernames: [NAME], properties: { flavour: "1" } },
    factory: [{ type: "ShellCommand", name: "sail", command: "echo under sail" }],
  };
  const documents = { projects: { docker: { builders: [builder] } } };
  const body = JSON.stringify({ text: JSON.stringify(documents), force: true });
  const answer = await rest("config", { method: "POST", body });
  expect(answer.status, await answer.text()).toBe(200);
}
