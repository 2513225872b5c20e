// Guarantee: every page can be read and worked by everybody: WCAG 2.2 AA in both themes, and on a
// screen of 360 pixels. Pictures of all of them land in test-results/pages.
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";
import { dialog, expect, logLines, NOBODY, ORG, plate, type Slipway, test } from "./journey";

const WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };

interface Harbour {
  readonly green: string;
  readonly red: string;
  readonly running: string;
  readonly redBuilder: string;
  readonly formBuilder: string;
  readonly request: string;
  readonly worker: string;
  readonly crossed: string;
  readonly ferry: string;
  readonly machine: string;
  readonly pool: string;
}

/** An organisation with something of each kind: made once, looked at by all tests below. */
async function fill(slipway: Slipway, page: Page): Promise<Harbour> {
  const green = await slipway.finished(await slipway.force("harbour-tests", "the tide is in"));
  const red = await slipway.finished(await slipway.force("lighthouse", "at dusk"));
  await slipway.finished(await slipway.force("lighthouse", "at dawn"));
  const running = await slipway.force("dredger");
  await slipway.logged(running, "digging");
  const request = await slipway.force("salvage", "before the storm");
  await slipway.call("workers/sunken-worker", "pause", { reason: "it lies on the ground" });
  const workerPath = async (name: string) => {
    const { workers } = await slipway.get<{ workers: { workerid: number }[] }>(`workers/${name}`);
    return `${ORG}/workers/${workers[0]?.workerid}`;
  };
  const crossed = await slipway.finished(await slipway.force("crossing"));
  return {
    green: slipway.buildPath(green),
    red: slipway.buildPath(red),
    running: slipway.buildPath(await slipway.build(running)),
    redBuilder: await slipway.builderPath("lighthouse"),
    formBuilder: await slipway.builderPath("crane"),
    request: `${ORG}/requests/${request}`,
    worker: await workerPath("quay"),
    crossed: slipway.buildPath(crossed),
    ferry: await workerPath("ferry"),
    ...(await ids(page)),
  };
}

/** Found as a reader does: by the first line of each list. */
async function ids(page: Page): Promise<Pick<Harbour, "machine" | "pool">> {
  const first = async (path: string) => {
    await page.goto(path);
    const link = page.getByRole("row").getByRole("rowheader").getByRole("link").first();
    return (await link.getAttribute("href")) ?? path;
  };
  return {
    machine: await first(`${ORG}/instances?which=all`),
    pool: await first(`${ORG}/pools`),
  };
}

const settings = (name: string) => `${ORG}/settings/${name}`;
const shown = (name: string) => (page: Page) =>
  expect(page.getByRole("heading", { name }).first()).toBeVisible();
const lines = (text: string) => (page: Page) =>
  expect(logLines(page).getByText(text, { exact: true })).toBeVisible();

interface PageUnderTest {
  readonly name: string;
  readonly path: (harbour: Harbour) => string;
  readonly isReady: (page: Page) => Promise<void>;
}

const PAGES: readonly PageUnderTest[] = [
  { name: "board", path: () => ORG, isReady: shown("Board") },
  { name: "builders", path: () => `${ORG}/builders`, isReady: shown("Builders") },
  { name: "builder", path: ({ redBuilder }) => redBuilder, isReady: shown("lighthouse") },
  { name: "builds", path: () => `${ORG}/builds`, isReady: shown("Builds") },
  { name: "changes", path: () => `${ORG}/changes`, isReady: shown("Changes") },
  { name: "schedulers", path: () => `${ORG}/schedulers`, isReady: shown("Schedulers") },
  { name: "build-green", path: ({ green }) => green, isReady: lines("ok 2 - steers") },
  { name: "build-red", path: ({ red }) => red, isReady: lines("error: lamp 7 is dark") },
  { name: "build-running", path: ({ running }) => running, isReady: lines("digging") },
  {
    name: "build-timeline",
    path: ({ green }) => `${green}?panel=timeline`,
    isReady: (page) => expect(page.getByText("Build finished")).toBeVisible(),
  },
  {
    name: "build-properties",
    path: ({ green }) => `${green}?panel=properties`,
    isReady: (page) => expect(page.getByText("buildername")).toBeVisible(),
  },
  { name: "requests", path: () => `${ORG}/requests`, isReady: shown("Pending requests") },
  { name: "request", path: ({ request }) => request, isReady: shown("salvage") },
  { name: "workers", path: () => `${ORG}/workers`, isReady: shown("Workers") },
  { name: "add-worker", path: () => `${ORG}/workers/add`, isReady: shown("Add a worker") },
  {
    name: "add-latent-worker",
    path: () => `${ORG}/workers/add?kind=DockerLatentWorker`,
    isReady: (page) => expect(page.getByText("type: DockerLatentWorker")).toBeVisible(),
  },
  {
    name: "worker-settings",
    path: ({ ferry }) => `${ferry}/settings`,
    isReady: (page) => expect(page.getByText("build_wait_timeout: 0")).toBeVisible(),
  },
  { name: "worker-latent", path: ({ ferry }) => ferry, isReady: shown("Its machines") },
  {
    name: "build-on-demand",
    path: ({ crossed }) => crossed,
    isReady: lines("the other shore"),
  },
  {
    name: "instances",
    path: () => `${ORG}/instances?which=all`,
    isReady: (page) => expect(page.getByRole("table")).toBeVisible(),
  },
  { name: "instance", path: ({ machine }) => machine, isReady: shown("Its life") },
  { name: "sweeps", path: () => `${ORG}/instances/sweeps`, isReady: shown("Sweeps") },
  { name: "limits", path: () => `${ORG}/instances/limits`, isReady: shown("Limits and cost") },
  { name: "pools", path: () => `${ORG}/pools`, isReady: shown("Pools") },
  { name: "pool", path: ({ pool }) => pool, isReady: shown("Why it is not larger") },
  { name: "doors", path: () => `${ORG}/workers/doors`, isReady: shown("The workers' doors") },
  { name: "worker", path: ({ worker }) => worker, isReady: shown("What it can build") },
  {
    name: "worker-builds",
    path: ({ worker }) => `${worker}?part=builds`,
    isReady: (page) => expect(page.getByRole("table")).toBeVisible(),
  },
  {
    name: "worker-history",
    path: ({ worker }) => `${worker}?part=history`,
    isReady: (page) => expect(page.getByRole("list", { name: "History" })).toBeVisible(),
  },
  {
    name: "worker-connection",
    path: ({ worker }) => `${worker}?part=connection`,
    isReady: shown("Try it on the worker's machine"),
  },
  { name: "projects", path: () => settings("projects"), isReady: shown("Projects") },
  { name: "configuration", path: () => settings("configuration"), isReady: shown("Configuration") },
  { name: "secrets", path: () => settings("secrets"), isReady: shown("Secrets") },
  { name: "members", path: () => settings("members"), isReady: shown("What each role may do") },
  { name: "tokens", path: () => settings("tokens"), isReady: shown("API tokens") },
  { name: "sessions", path: () => settings("sessions"), isReady: shown("My sessions") },
  {
    name: "new-organization",
    path: () => "/setup/organization",
    isReady: shown("New organisation"),
  },
  { name: "sign-out", path: () => "/sign-out", isReady: shown("Sign out") },
  { name: "not-found", path: () => "/main/builders/999999", isReady: shown("There is nothing") },
];

test("every page, light, dark, and 360 pixels wide", async ({ page, slipway, workers, gate }) => {
  test.slow();
  await workers.start("quay");
  const harbour = await fill(slipway, page);
  for (const { name, path, isReady } of PAGES) {
    await test.step(name, async () => {
      await page.setViewportSize(DESK);
      await page.goto(path(harbour));
      await isReady(page);
      await inEachLook(page, name);
    });
  }
  for (const { name, open, isReady } of dialogs(harbour)) {
    await test.step(name, async () => {
      await page.setViewportSize(DESK);
      await open(page);
      await isReady(page);
      await inEachLook(page, name);
    });
  }
  gate.open("dug");
  await page.goto(harbour.running);
  await expect(plate(page, "success")).toBeVisible();
});

test("the sign-in page", async ({ browser, slipway }) => {
  const context = await browser.newContext({ storageState: NOBODY, viewport: DESK });
  const page = await context.newPage();
  await page.goto(`${slipway.url}/sign-in`);
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await inEachLook(page, "sign-in");
  await page.goto(`${slipway.url}/setup/no-such-link`);
  await expect(page.getByRole("heading", { name: "This link is not valid" })).toBeVisible();
  await inEachLook(page, "dead-link");
  await context.close();
});

test.describe("on a phone", () => {
  test.use({ viewport: PHONE, hasTouch: true });

  test("a failure is read, and built again", async ({ page, slipway, workers }) => {
    await workers.start("quay");
    await slipway.finished(await slipway.force("lighthouse"));
    await page.goto(ORG);
    const row = page.getByRole("row", { name: /lighthouse/ });
    await row.getByRole("link", { name: /test in #/ }).tap();
    await expect(plate(page, "failure")).toBeVisible();
    const error = logLines(page).getByText("error: lamp 7 is dark");
    await error.scrollIntoViewIfNeeded();
    await expect(error).toBeInViewport();
    const before = page.url();
    await page.getByRole("button", { name: "Rebuild" }).tap();
    await expect(page).not.toHaveURL(before);
    await page.waitForURL(/\/builds\/\d+$/);
    await expect(plate(page, "failure")).toBeVisible();
    await expect(page.getByText(/^Rebuild of/)).toBeVisible();
    await page.getByRole("button", { name: "Open the menu" }).tap();
    await page.getByRole("link", { name: "Workers", exact: true }).tap();
    await expect(page.getByRole("heading", { name: "Workers" })).toBeVisible();
  });
});

interface DialogUnderTest {
  readonly name: string;
  readonly open: (page: Page) => Promise<void>;
  readonly isReady: (page: Page) => Promise<void>;
}

function dialogs(harbour: Harbour): readonly DialogUnderTest[] {
  const onPage = (path: string, button: string) => async (page: Page) => {
    await page.goto(path);
    await page.getByRole("button", { name: button, exact: true }).click();
  };
  const isOpen = (name: string) => (page: Page) => expect(dialog(page, name)).toBeVisible();
  return [
    {
      name: "dialog-force",
      open: onPage(harbour.redBuilder, "Start a build"),
      isReady: isOpen("Start a build of lighthouse"),
    },
    {
      name: "dialog-form",
      open: onPage(harbour.formBuilder, "Load"),
      isReady: isOpen("Load a ship: crane"),
    },
    { name: "dialog-stop", open: onPage(harbour.running, "Stop"), isReady: isOpen("Stop dredger") },
    {
      name: "dialog-keys",
      open: onPage(harbour.red, "Keys of this page"),
      isReady: isOpen("Keys of this page"),
    },
    {
      name: "dialog-commands",
      open: async (page) => {
        await page.goto(ORG);
        await page.getByRole("link", { name: "lighthouse" }).waitFor();
        await page.keyboard.press("Control+k");
      },
      isReady: (page) => expect(page.getByRole("option").first()).toBeVisible(),
    },
  ];
}

async function inEachLook(page: Page, name: string): Promise<void> {
  for (const theme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
    await picture(page, `${name}-${theme}`);
    const { violations } = await new AxeBuilder({ page }).withTags(WCAG).analyze();
    const said = violations.map(({ id, help, nodes }) => ({
      id,
      help,
      where: nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)}: ${failureSummary}`),
    }));
    expect.soft(said, `${name}, ${theme}`).toEqual([]);
  }
  await page.setViewportSize(PHONE);
  await picture(page, `${name}-360`);
  const wide = await page.evaluate(() => {
    const root = document.documentElement;
    return { scrolls: root.scrollWidth > root.clientWidth, width: root.scrollWidth };
  });
  expect.soft(wide, `${name} at 360 px`).toEqual({ scrolls: false, width: PHONE.width });
}

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `test-results/pages/${name}.png` });
}
