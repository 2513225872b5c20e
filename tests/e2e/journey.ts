/**
 * What the journeys share: `page` is signed in as the administrator of the shared installation,
 * `slipway` speaks to its REST API, `workers` run until the test ends, `gate` leads their commands.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, test as base, expect, type Locator, type Page } from "@playwright/test";
import { type SlipwayWorker, startSlipwayWorker } from "../support/slipway-worker";
import { ADMIN, takeOver } from "./handover";
import { WORKER_PASSWORD } from "./recipes";

export { expect };

export const ORG = "/main";

export interface BuildFacts {
  readonly buildid: number;
  readonly builderid: number;
  readonly number: number;
  readonly complete: boolean;
  readonly results: number | null;
}

export interface Slipway {
  readonly url: string;
  readonly pbPort: number;
  get<T>(path: string): Promise<T>;
  call<T>(path: string, method: string, params?: object): Promise<T>;
  /** @returns the request's id */
  force(builder: string, reason?: string): Promise<number>;
  /** The request's newest build, once it has one. */
  build(requestId: number): Promise<BuildFacts>;
  /** Its end, whatever it is. */
  finished(requestId: number): Promise<BuildFacts>;
  /** Waits until the first log of the request's build holds that text. */
  logged(requestId: number, text: string): Promise<void>;
  connected(worker: string): Promise<void>;
  builderPath(name: string): Promise<string>;
  buildPath(build: BuildFacts): string;
}

export interface Workers {
  start(name: string, env?: Record<string, string>): Promise<SlipwayWorker>;
}

export interface Gate {
  readonly folder: string;
  open(name: string): void;
}

interface PerTest {
  workers: Workers;
  gate: Gate;
}
interface PerProcess {
  slipway: Slipway;
  adminState: Awaited<ReturnType<typeof signedInState>>;
}

export const test = base.extend<PerTest, PerProcess>({
  slipway: [
    // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of fixtures from here
    async ({}, use) => use(overRest()),
    { scope: "worker" },
  ],
  adminState: [async ({ browser }, use) => use(await signedInState(browser)), { scope: "worker" }],
  storageState: async ({ adminState }, use) => use(adminState),
  baseURL: async ({ slipway }, use) => use(slipway.url),
  // biome-ignore lint/correctness/noEmptyPattern: the runner reads the names of fixtures from here
  gate: async ({}, use) => {
    const folder = mkdtempSync(join(tmpdir(), "slipway-gate-"));
    // Machines of the host run under an account of their own.
    chmodSync(folder, 0o755);
    await use({ folder, open: (name) => writeFileSync(join(folder, name), "") });
    rmSync(folder, { recursive: true, force: true });
  },
  workers: async ({ slipway, gate }, use) => {
    const running: SlipwayWorker[] = [];
    await use({
      async start(name, env = {}) {
        const worker = await startSlipwayWorker({
          port: slipway.pbPort,
          name,
          password: WORKER_PASSWORD,
          env: { GATE: gate.folder, ...env },
        });
        running.push(worker);
        await slipway.connected(name);
        return worker;
      },
    });
    await Promise.all(running.map((worker) => worker.stop()));
  },
});

/** For tests that begin as a stranger. */
export const NOBODY = { cookies: [], origins: [] };

export async function signIn(page: Page, email: string, password: string): Promise<void> {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

async function signedInState(browser: Browser) {
  const { url } = takeOver();
  const page = await browser.newPage({ storageState: NOBODY });
  await page.goto(`${url}/sign-in`);
  await signIn(page, ADMIN.email, ADMIN.password);
  await page.waitForURL(`${url}${ORG}`);
  const state = await page.context().storageState();
  await page.context().close();
  return state;
}

function overRest(): Slipway {
  const { url, token, pbPort } = takeOver();
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const answer = await fetch(`${url}${ORG}/api/v2/${path}`, {
      ...init,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const get = async <T>(path: string) => (await (await ask(path)).json()) as T;
  const newest = async (requestId: number): Promise<BuildFacts | undefined> =>
    (await get<{ builds: BuildFacts[] }>(`buildrequests/${requestId}/builds`)).builds.at(-1);
  const eventually = async (
    what: string,
    requestId: number,
    isSo: (build: BuildFacts) => boolean,
  ): Promise<BuildFacts> => {
    let build: BuildFacts | undefined;
    await expect
      .poll(
        async () => {
          build = await newest(requestId);
          return build !== undefined && isSo(build);
        },
        { message: `${what} of request ${requestId}` },
      )
      .toBe(true);
    return build as BuildFacts;
  };
  return {
    url,
    pbPort,
    get,
    async call<T>(path: string, method: string, params: object = {}) {
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
      const answer = (await (await ask(path, { method: "POST", body })).json()) as { result: T };
      return answer.result;
    },
    async force(builder, reason = "because a test asks for it") {
      const made = await this.call<{ buildrequestids: Record<string, number> }>(
        `builders/${builder}`,
        "force",
        { reason },
      );
      return Object.values(made.buildrequestids)[0] as number;
    },
    build: (requestId) => eventually("a build", requestId, () => true),
    finished: (requestId) => eventually("the end", requestId, (build) => build.complete),
    async logged(requestId, text) {
      const { buildid } = await this.build(requestId);
      await expect
        .poll(
          async () => {
            const found = await get<{ steps: { stepid: number }[] }>(`builds/${buildid}/steps`);
            const step = found.steps[0];
            if (!step) return "";
            const { logs } = await get<{ logs: { logid: number }[] }>(`steps/${step.stepid}/logs`);
            return logs[0] ? (await ask(`logs/${logs[0].logid}/raw`)).text() : "";
          },
          { message: `"${text}" in the log of build ${buildid}` },
        )
        .toContain(text);
    },
    async connected(worker) {
      await expect
        .poll(
          async () => {
            const path = `workers/${worker}`;
            const { workers } = await get<{ workers: { connected_to: unknown[] }[] }>(path);
            return workers[0]?.connected_to.length;
          },
          { message: `worker ${worker} is connected` },
        )
        .toBeGreaterThan(0);
    },
    async builderPath(name) {
      const { builders } = await get<{ builders: { builderid: number }[] }>(`builders/${name}`);
      return `${ORG}/builders/${builders[0]?.builderid}`;
    },
    buildPath: ({ builderid, number }) => `${ORG}/builders/${builderid}/builds/${number}`,
  };
}

/** A name that nothing on this installation has had: a test that is tried again begins with others. */
export const fresh = (name: string): string => `${name}-${Date.now().toString(36)}`;

/** The build page's state, as its head says it first. */
export function plate(page: Page, word: string): Locator {
  const first = page.locator("#content header span[title]").first();
  return first.filter({ hasText: new RegExp(`^${word}$`) });
}

/** The viewer's row of a line, counted from 1 as people do. */
export function logRow(page: Page, line: number): Locator {
  return page.locator(`.log-row[data-line="${line - 1}"]`);
}

export const logLines = (page: Page): Locator => page.getByRole("region", { name: /, lines$/ });

/** A dialog with that title. */
export const dialog = (page: Page, name: string | RegExp): Locator =>
  page.getByRole("dialog", { name });
