// Guarantees that a whole installation starts, mends itself and stops in order: a killed child comes
// back and is reported, a second start is refused, what a killed supervisor left behind is ended, and
// after a stop nothing runs. The children are small real programs that keep the supervisor's contract.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { identify, isAlive } from "../../../../../server/db/embedded";
import { readEnv } from "../../../../../server/env";
import {
  type AllOptions,
  type ProcessGone,
  type RunningAll,
  runAll,
} from "../../../../../server/processes/supervisor";
import { createEmptyDatabase, type TestDatabase } from "../../../../support/database";
import { freePorts } from "../../../../support/free-ports";

const ROOT = join(import.meta.dirname, "../../../../..");

/** Says ready, tells its environment's names, and stops when asked. */
const OBEDIENT = `
  console.log("names " + Object.keys(process.env).sort().join(" "));
  process.on("message", (m) => { if (m.type === "stop") { console.log("bye"); process.exit(0); } });
  process.on("disconnect", () => process.exit(0));
  process.send({ type: "ready" });
`;

let folder: string;
let database: TestDatabase;
let lines: string[];
let gone: ProcessGone[];
let running: RunningAll[];
let ports: number[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-all-"));
  database = await createEmptyDatabase();
  [lines, gone, running] = [[], [], []];
  ports = await freePorts(4);
  for (const name of ["web", "socket", "jobs"]) program(name, OBEDIENT);
});

afterEach(async () => {
  for (const all of running) await all.stop();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

function program(name: string, source: string): void {
  mkdirSync(join(folder, "programs"), { recursive: true });
  writeFileSync(join(folder, "programs/package.json"), '{"type":"module"}');
  writeFileSync(join(folder, "programs", `${name}.js`), source);
}

function options(changes: Partial<AllOptions>): AllOptions {
  const [web, live, pb, msgpack] = ports;
  return {
    env: readEnv({
      SLIPWAY_DATA_DIR: join(folder, "data"),
      DATABASE_URL: database.url,
      SLIPWAY_SECRET_KEY: "k".repeat(40),
      PORT: String(web),
      SLIPWAY_LIVE_PORT: String(live),
      SLIPWAY_PB_PORT: String(pb),
      SLIPWAY_MSGPACK_PORT: String(msgpack),
    }),
    root: ROOT,
    programs: join(folder, "programs"),
    say: (line) => lines.push(line),
    bootstrap: async () => ({ setupUrl: "http://localhost/setup/once" }),
    onProcessGone: (_, one) => {
      gone.push(one);
    },
    furtherPrograms: async () => [],
    onFault: (reason) => lines.push(reason),
    ...changes,
  };
}

async function start(
  changes: Partial<AllOptions> = {},
  signal = new AbortController().signal,
): Promise<RunningAll> {
  const all = await runAll(options(changes), signal);
  running.push(all);
  return all;
}

const recorded = (): { name: string; pid: number }[] =>
  JSON.parse(readFileSync(join(folder, "data/supervisor.json"), "utf8")).children;

const pidOf = (name: string) => recorded().find((child) => child.name === name)?.pid ?? 0;

const wait = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 20 });

test("starts everything, says so at the end, and stops all of it when asked", async () => {
  const all = await start();
  const told = lines.findIndex((line) => line.startsWith("Slipway is ready at "));
  expect(lines.slice(told).join("\n")).toContain("http://localhost/setup/once");
  const pids = recorded().map((child) => child.pid);
  expect(pids).toHaveLength(3);
  await all.stop();
  expect(pids.filter(isAlive)).toEqual([]);
  await wait(() => expect(lines.filter((line) => line.endsWith("| bye"))).toHaveLength(3));
});

test("a killed child is reported, and another one takes its place", async () => {
  await start();
  const pid = pidOf("socket");
  process.kill(pid, "SIGKILL");
  await wait(() => expect(gone).toEqual([{ name: "socket", pid }]));
  await wait(() => {
    expect(pidOf("socket")).toBeGreaterThan(0);
    expect(pidOf("socket")).not.toBe(pid);
  });
});

test("a child that ignores every request is killed in the end", async () => {
  program(
    "jobs",
    `process.on("SIGTERM", () => {}); process.on("disconnect", () => {});
     setInterval(() => {}, 1000); process.send({ type: "ready" });`,
  );
  const deadlines = { orderlyMs: 50, termMs: 50 };
  const all = await start({ deadlines });
  const pid = pidOf("jobs");
  await all.stop();
  expect(isAlive(pid)).toBe(false);
});

test("children get settings and what any program needs, and nothing else of ours", async () => {
  vi.stubEnv("OF_NOBODYS_CONCERN", "1");
  vi.stubEnv("SLIPWAY_ADMIN_PASSWORD", "secret");
  await start();
  await wait(() => expect(lines.some((line) => line.startsWith("web | names"))).toBe(true));
  const names = lines.find((line) => line.startsWith("web | names"))?.split(" ") ?? [];
  expect(names).toEqual(expect.arrayContaining(["DATABASE_URL", "PATH", "SLIPWAY_SECRET_KEY"]));
  expect(names).not.toContain("OF_NOBODYS_CONCERN");
  expect(names).not.toContain("SLIPWAY_ADMIN_PASSWORD");
});

test("a program that is not ours is ended together with what it started", async () => {
  program(
    "worker",
    `
    import { spawn } from "node:child_process";
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    console.log("grandchild " + child.pid); setInterval(() => {}, 1000);`,
  );
  const worker = {
    name: "worker local",
    command: process.execPath,
    args: [join(folder, "programs/worker.js")],
    env: { ...process.env, DATABASE_URL: undefined },
    readyOnSpawn: true,
  };
  const all = await start({ furtherPrograms: async () => [worker] });
  let grandchild = 0;
  await wait(() => {
    grandchild = Number(lines.join("\n").match(/grandchild (\d+)/)?.[1]);
    expect(isAlive(grandchild)).toBe(true);
  });
  await all.stop();
  await wait(() => expect(isAlive(grandchild)).toBe(false));
});

test("a second start on the same data directory is refused, naming the first", async () => {
  await start();
  const refused = start();
  await expect(refused).rejects.toThrow(`already runs in ${join(folder, "data")}`);
  await expect(refused).rejects.toThrow(`process ${process.pid}`);
});

test("of many starts at once, one runs", async () => {
  const results = await Promise.allSettled([start(), start(), start()]);
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("what a killed supervisor left running is ended first", async () => {
  const orphan = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
    stdio: "ignore",
  });
  const dead = spawn(process.execPath, ["-e", ""], { stdio: "ignore" });
  const owner = identify(dead.pid as number);
  await new Promise((resolve) => dead.once("exit", resolve));
  mkdirSync(join(folder, "data"), { recursive: true });
  const children = [{ name: "web", ...identify(orphan.pid as number) }];
  writeFileSync(join(folder, "data/supervisor.json"), JSON.stringify({ ...owner, children }));
  await start();
  expect(isAlive(orphan.pid as number)).toBe(false);
});

test("a namesake of a recorded child, started by somebody else, is left alone", async () => {
  const stranger = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], {
    stdio: "ignore",
  });
  const pid = stranger.pid as number;
  mkdirSync(join(folder, "data"), { recursive: true });
  const owner = { pid: 1, startedAt: "long ago", children: [{ name: "web", pid, startedAt: "1" }] };
  writeFileSync(join(folder, "data/supervisor.json"), JSON.stringify(owner));
  await start();
  expect(isAlive(pid)).toBe(true);
  stranger.kill();
});

test("a port that is taken is named before anything runs", async () => {
  const squatter = createServer().listen(ports[0], "127.0.0.1");
  await new Promise((resolve) => squatter.once("listening", resolve));
  await expect(start()).rejects.toThrow(`PORT: port ${ports[0]} on 127.0.0.1 is used`);
  squatter.close();
  await start();
});

test("a start that is called off leaves nothing running", async () => {
  program("web", "setInterval(() => {}, 1000); process.on('disconnect', () => process.exit());");
  const calledOff = new AbortController();
  const starting = start({ deadlines: { orderlyMs: 50, termMs: 5_000 } }, calledOff.signal);
  await wait(() => expect(recorded()).toHaveLength(3));
  const pids = recorded().map((child) => child.pid);
  calledOff.abort(new Error("called off"));
  await expect(starting).rejects.toThrow("called off");
  expect(pids.filter(isAlive)).toEqual([]);
});
