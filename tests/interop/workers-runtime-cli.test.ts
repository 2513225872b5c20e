// Guarantee: the slipway-worker command makes, starts, stops and restarts a worker as buildbot-worker's
// does, keeps the password to itself, and speaks TLS to a master it trusts, and reaches one through an HTTP proxy.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { msgpackProtocol } from "../../server/protocols/msgpack";
import { pbProtocol } from "../../server/protocols/pb";
import { hasOpenssl, testCertificate } from "../support/certificate";
import { shell } from "../support/shell-command";
import { workerProgram } from "../support/slipway-worker";
import { KeepingSink, never, testDoor } from "../support/worker-door";

const OPTIONS = {
  host: "127.0.0.1",
  port: 0,
  loginTimeoutMs: 30_000,
};

let home = "";
let program = "";

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "slipway-worker-cli-"));
  program = join(home, "worker.mjs");
  writeFileSync(program, await workerProgram());
});

afterEach(() => {
  command("stop", join(home, "w"));
  rmSync(home, { recursive: true, force: true });
});

/** Runs the program to its end. */
function command(...args: string[]) {
  const env = { PATH: "/usr/bin:/bin", HOME: home } as unknown as NodeJS.ProcessEnv;
  const told = spawnSync(process.execPath, [program, ...args], {
    env,
    cwd: home,
    encoding: "utf8",
  });
  return { status: told.status, out: told.stdout, err: told.stderr };
}

describe("create-worker", () => {
  it("makes a directory whose password only its owner reads", () => {
    const dir = join(home, "w");
    expect(command("create-worker", "--umask=0o22", dir, "host", "w1", "secret").status).toBe(0);
    const path = join(dir, "slipway-worker.json");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const settings = JSON.parse(readFileSync(path, "utf8"));
    expect(settings).toMatchObject({ master: "host", name: "w1", password: "secret", umask: 0o22 });
    expect(readFileSync(join(dir, "info", "admin"), "utf8")).toContain("@");
    expect(readFileSync(join(dir, "info", "host"), "utf8")).not.toBe("");
  });

  it("keeps other settings that are there, and a directory of something else", () => {
    const dir = join(home, "w");
    command("create-worker", dir, "host", "w1", "secret");
    expect(command("create-worker", dir, "other", "w1", "secret").out).toContain(".new");
    const read = (name: string) => JSON.parse(readFileSync(join(dir, name), "utf8")).master;
    expect(read("slipway-worker.json")).toBe("host");
    expect(read("slipway-worker.json.new")).toBe("other");
    const taken = join(home, "taken");
    mkdirSync(taken);
    writeFileSync(join(taken, "file"), "");
    expect(command("create-worker", taken, "host", "w1", "p").status).toBe(64);
    expect(command("create-worker", "--force", taken, "host", "w1", "p").status).toBe(0);
  });
});

it("explains itself, and refuses nonsense with status 64", () => {
  expect(command("--help")).toMatchObject({
    status: 0,
    out: expect.stringContaining("create-worker"),
  });
  expect(command("create-worker", "--help").status).toBe(0);
  expect(command("--version").out).toMatch(/^slipway-worker \d/);
  expect(command().status).toBe(64);
  expect(command("nonsense")).toMatchObject({
    status: 64,
    err: expect.stringContaining("nonsense"),
  });
  expect(command("create-worker", "a", "b", "c").status).toBe(64);
  expect(command("start", join(home, "nowhere")).status).toBe(64);
  expect(command("stop", home)).toMatchObject({ status: 0 });
});

it("starts in the background, restarts, and stops", async () => {
  const door = testDoor({ passwords: { w1: "pass" } });
  const listening = await pbProtocol.listen(door, OPTIONS);
  const dir = join(home, "w");
  try {
    command("create-worker", dir, `127.0.0.1:${listening.port}`, "w1", "pass");
    writeFileSync(join(dir, "info", "admin"), "Somebody <s@example.invalid>\n");
    expect(await inBackground("start", dir)).toMatchObject({ status: 0 });
    const first = await door.nextAttached();
    expect(first.facts.info.admin).toBe("Somebody <s@example.invalid>\n");
    expect(await inBackground("start", dir)).toMatchObject({ status: 1 });
    expect(await inBackground("restart", dir)).toMatchObject({ status: 0 });
    await first.session.closed;
    const second = await door.nextAttached();
    expect(await inBackground("stop", dir)).toMatchObject({ status: 0 });
    await second.session.closed;
    expect(readFileSync(join(dir, "slipway-worker.log"), "utf8")).toContain("attached");
  } finally {
    await listening.close();
  }
});

it.skipIf(!hasOpenssl()).each([
  { name: "pb", protocol: pbProtocol, options: [] },
  {
    name: "msgpack",
    protocol: msgpackProtocol,
    options: ["--protocol=msgpack_experimental_v7", "--path=/worker"],
  },
])("connects by TLS over $name to a master whose certificate it trusts", async (kind) => {
  const certificate = testCertificate();
  const door = testDoor({ passwords: { w1: "pass" } });
  const listening = await kind.protocol.listen(door, { ...OPTIONS, tls: certificate });
  const dir = join(home, "w");
  try {
    const roots = join(home, "roots");
    mkdirSync(roots);
    writeFileSync(join(roots, "ca.pem"), certificate.cert);
    const master = `TLS:localhost:${listening.port}:trustRoots=${roots}`;
    const options = [...kind.options, `--connection-string=${master}`];
    command("create-worker", ...options, dir, "unused", "w1", "pass");
    expect(await inBackground("start", dir)).toMatchObject({ status: 0 });
    const { session } = await door.nextAttached();
    const sink = new KeepingSink();
    expect(await session.run("b1", shell("echo over tls"), sink, never)).toMatchObject({ rc: 0 });
    expect(sink.text("stdout")).toBe("over tls\n");
    await inBackground("stop", dir);
  } finally {
    await listening.close();
    certificate.remove();
  }
});

it.each([
  { name: "pb", protocol: pbProtocol },
  { name: "msgpack_experimental_v7", protocol: msgpackProtocol },
])("goes through an HTTP proxy with $name, and comes again when that refuses", async (kind) => {
  const door = testDoor({ passwords: { w1: "pass" } });
  const listening = await kind.protocol.listen(door, OPTIONS);
  const asked: string[] = [];
  const proxy = createHttpServer();
  proxy.on("connect", (request, socket: Socket) => {
    asked.push(`${request.url} ${request.headers["proxy-authorization"]}`);
    socket.on("error", () => {});
    if (asked.length === 1) {
      socket.end("HTTP/1.1 503 Not now\r\n\r\n");
      return;
    }
    const master = connect({ host: "127.0.0.1", port: listening.port });
    master.on("error", () => socket.destroy());
    socket.write("HTTP/1.1 200 Connected\r\n\r\n");
    socket.pipe(master).pipe(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  const dir = join(home, "w");
  try {
    command(
      ...["create-worker", `--protocol=${kind.name}`, "--maxdelay=0"],
      ...[`--proxy-connection-string=http://me:word@127.0.0.1:${port}`],
      ...[dir, "ci.example.invalid:4711", "w1", "pass"],
    );
    expect(await inBackground("start", dir)).toMatchObject({ status: 0 });
    const { session } = await door.nextAttached();
    expect(await session.ping(10_000)).toBe(true);
    const account = Buffer.from("me:word").toString("base64");
    expect(asked).toEqual(Array(2).fill(`ci.example.invalid:4711 Basic ${account}`));
    expect(readFileSync(join(dir, "slipway-worker.log"), "utf8")).toContain("503 Not now");
    await inBackground("stop", dir);
  } finally {
    await listening.close();
    proxy.close();
    proxy.closeAllConnections();
  }
});

/** Like `command`, without stopping this process, whose door the worker talks to. */
async function inBackground(...args: string[]): Promise<{ status: number | null }> {
  const env = { PATH: "/usr/bin:/bin", HOME: home } as unknown as NodeJS.ProcessEnv;
  const child = spawn(process.execPath, [program, ...args], { env, cwd: home, stdio: "ignore" });
  return new Promise((resolve) => child.once("exit", (status) => resolve({ status })));
}
