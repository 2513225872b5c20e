// Guarantee: the slipway-worker command makes, starts, stops and restarts a worker as buildbot-worker's
// does, keeps the password to itself, and speaks TLS to a master it trusts, and reaches one through an HTTP proxy.
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { msgpackProtocol } from "../../server/protocols/msgpack";
import { pbProtocol } from "../../server/protocols/pb";
import { hasOpenssl, testCertificate } from "../support/certificate";
import { gone } from "../support/process-state";
import { shell } from "../support/shell-command";
import { type SlipwayWorkerHome, slipwayWorkerHome } from "../support/slipway-worker-command";
import { hasTinyproxy, startTinyproxy } from "../support/tinyproxy";
import { KeepingSink, never, testDoor } from "../support/worker-door";

const OPTIONS = {
  host: "127.0.0.1",
  port: 0,
  loginTimeoutMs: 30_000,
};

let home: SlipwayWorkerHome;
let dir = "";

beforeEach(async () => {
  home = await slipwayWorkerHome();
  dir = home.at("w");
});

afterEach(() => {
  home.stop(dir);
  home.remove();
});

const log = () => readFileSync(join(dir, "twistd.log"), "utf8");

describe("create-worker", () => {
  it("makes a directory whose password only its owner reads", () => {
    expect(home.command("create-worker", "--umask=0o22", dir, "host", "w1", "secret").status).toBe(
      0,
    );
    const path = join(dir, "buildbot.tac");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).toContain('"host", 9989, "w1", "secret"');
    expect(readFileSync(path, "utf8")).toContain("umask=0o22");
    expect(readFileSync(join(dir, "info", "admin"), "utf8")).toContain("@");
    expect(readFileSync(join(dir, "info", "host"), "utf8")).not.toBe("");
  });

  it("keeps other settings that are there, and a directory of something else", () => {
    home.command("create-worker", dir, "host", "w1", "secret");
    expect(home.command("create-worker", dir, "other", "w1", "secret").out).toContain(".new");
    const read = (name: string) => readFileSync(join(dir, name), "utf8");
    expect(read("buildbot.tac")).toContain('"host", 9989');
    expect(read("buildbot.tac.new")).toContain('"other", 9989');
    expect(statSync(join(dir, "buildbot.tac.new")).mode & 0o777).toBe(0o600);
    // One that was left open to others is not written into.
    chmodSync(join(dir, "buildbot.tac.new"), 0o666);
    const quiet = home.command("create-worker", "-q", dir, "third", "w1", "secret");
    expect(quiet).toEqual({ status: 0, out: "", err: "" });
    expect(read("buildbot.tac.new")).toContain('"third", 9989');
    expect(statSync(join(dir, "buildbot.tac.new")).mode & 0o777).toBe(0o600);
    const taken = home.at("taken");
    mkdirSync(taken);
    writeFileSync(join(taken, "file"), "");
    expect(home.command("create-worker", taken, "host", "w1", "p").status).toBe(64);
    expect(home.command("create-worker", "--force", taken, "host", "w1", "p").status).toBe(0);
  });
});

it("explains itself, and refuses nonsense with status 64", () => {
  expect(home.command("--help")).toMatchObject({
    status: 0,
    out: expect.stringContaining("create-worker"),
  });
  expect(home.command("create-worker", "--help").status).toBe(0);
  expect(home.command("--version").out).toMatch(/^slipway-worker \d/);
  expect(home.command().status).toBe(64);
  expect(home.command("nonsense")).toMatchObject({
    status: 64,
    err: expect.stringContaining("nonsense"),
  });
  expect(home.command("create-worker", "a", "b", "c").status).toBe(64);
  expect(home.command("start", home.at("nowhere")).status).toBe(64);
  expect(home.command("stop", home.at("nowhere")).status).toBe(64);
  const page = home.command("create-worker", dir, "http://host:8010", "w1", "p");
  expect(page).toMatchObject({ status: 64, out: "" });
  expect(page.err).toBe(
    "slipway-worker: http://host:8010: MASTER is HOST[:PORT], not the URL of a page\n",
  );
  expect(home.command("create-worker", dir, "host:none", "w1", "p").err).toContain("HOST[:PORT]");
});

it("starts in the background, restarts, and stops", async () => {
  const door = testDoor({ passwords: { w1: "pass" } });
  const listening = await pbProtocol.listen(door, OPTIONS);
  try {
    home.command("create-worker", dir, `127.0.0.1:${listening.port}`, "w1", "pass");
    writeFileSync(join(dir, "info", "admin"), "Somebody <s@example.invalid>\n");
    expect(await home.inBackground("start", dir)).toMatchObject({ status: 0 });
    const first = await door.nextAttached();
    expect(first.facts.info.admin).toBe("Somebody <s@example.invalid>\n");
    expect(await home.inBackground("start", dir)).toMatchObject({ status: 1 });
    expect(await home.inBackground("restart", dir)).toMatchObject({ status: 0 });
    await first.session.closed;
    const second = await door.nextAttached();
    expect(await home.inBackground("stop", dir)).toMatchObject({ status: 0 });
    await second.session.closed;
    expect(log()).toContain("attached");
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
  try {
    const roots = home.at("roots");
    mkdirSync(roots);
    writeFileSync(join(roots, "ca.pem"), certificate.cert);
    const master = `TLS:localhost:${listening.port}:trustRoots=${roots}`;
    const options = [...kind.options, `--connection-string=${master}`];
    home.command("create-worker", ...options, dir, "unused", "w1", "pass");
    expect(await home.inBackground("start", dir)).toMatchObject({ status: 0 });
    const { session } = await door.nextAttached();
    const sink = new KeepingSink();
    expect(await session.run("b1", shell("echo over tls"), sink, never)).toMatchObject({ rc: 0 });
    expect(sink.text("stdout")).toBe("over tls\n");
    await home.inBackground("stop", dir);
  } finally {
    await listening.close();
    certificate.remove();
  }
});

it.skipIf(!hasOpenssl())(
  "trusts with --use-tls whom this system trusts, and nobody else, through a proxy too",
  async () => {
    const certificate = testCertificate();
    const door = testDoor({ passwords: { w1: "pass" } });
    const { key, cert } = certificate;
    const listening = await pbProtocol.listen(door, { ...OPTIONS, tls: { key, cert } });
    const proxy = hasTinyproxy() ? await startTinyproxy({ account: "me word" }) : null;
    try {
      const options = ["--use-tls", "--maxretries=1"];
      const master = `localhost:${listening.port}`;
      home.command("create-worker", ...options, dir, master, "w1", "pass");
      await home.inBackground("start", dir);
      while (!log().includes("out of attempts")) await setTimeout(20);
      expect(log()).toMatch(/unable to (get|verify)|self.signed/);
      home.env.SSL_CERT_FILE = certificate.caPath;
      await home.inBackground("start", dir);
      await door.nextAttached();
      await home.inBackground("stop", dir);
      if (proxy === null) return;
      const through = `--proxy-connection-string=http://me:word@127.0.0.1:${proxy.port}`;
      rmSync(dir, { recursive: true });
      home.command("create-worker", ...options, through, dir, master, "w1", "pass");
      await home.inBackground("start", dir);
      expect(await (await door.nextAttached()).session.ping(10_000)).toBe(true);
    } finally {
      await listening.close();
      await proxy?.stop();
      certificate.remove();
    }
  },
);

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
  try {
    home.command(
      ...["create-worker", `--protocol=${kind.name}`, "--maxdelay=0"],
      ...[`--proxy-connection-string=http://me:word@127.0.0.1:${port}`],
      ...[dir, "ci.example.invalid:4711", "w1", "pass"],
    );
    expect(await home.inBackground("start", dir)).toMatchObject({ status: 0 });
    const { session } = await door.nextAttached();
    expect(await session.ping(10_000)).toBe(true);
    const account = Buffer.from("me:word").toString("base64");
    expect(asked).toEqual(Array(2).fill(`ci.example.invalid:4711 Basic ${account}`));
    expect(log()).toContain("503 Not now");
    await home.inBackground("stop", dir);
  } finally {
    await listening.close();
    proxy.close();
    proxy.closeAllConnections();
  }
});

it("is told by its signs: stale process ids, whose it is, and what is wrong with the settings", async () => {
  home.command("create-worker", dir, "127.0.0.1:1", "w1", "pass");
  expect(home.command("stop", dir)).toMatchObject({ status: 0, out: "no worker runs there\n" });
  // A process that is not a worker of this directory has the number by now: it is left alone.
  writeFileSync(join(dir, "twistd.pid"), `${process.pid}\n`);
  expect(await home.inBackground("stop", dir)).toMatchObject({ status: 0 });
  writeFileSync(join(dir, "twistd.pid"), "999999999\n");
  expect(await home.inBackground("start", "--quiet", dir)).toEqual({ status: 0, out: "", err: "" });
  const pid = home.pid(dir);
  expect(pid).not.toBe(999_999_999);
  expect(statSync(join(dir, "twistd.log")).mode & 0o077).toBe(0);
  expect(await home.inBackground("start", dir)).toMatchObject({
    status: 1,
    err: expect.stringContaining("already"),
  });
  // Killed, it leaves its number behind and is started all the same.
  process.kill(pid, "SIGKILL");
  await gone(pid);
  expect(await home.inBackground("start", dir)).toMatchObject({ status: 0 });
  writeFileSync(join(dir, "buildbot.tac"), "s = Worker(nonsense)\n");
  expect(await home.inBackground("restart", dir)).toMatchObject({
    status: 64,
    err: expect.stringContaining("line 1: buildmaster_host is computed"),
  });
  expect(home.pid(dir)).toBeGreaterThan(0);
  expect(await home.inBackground("stop", "-q", dir)).toEqual({ status: 0, out: "", err: "" });
});

it("tells what it is: info shared by a link, processors as it was told, from ::1", async () => {
  const door = testDoor({ passwords: { w1: "pass" } });
  const listening = await pbProtocol.listen(door, { ...OPTIONS, host: "::1" });
  try {
    const shared = home.at("shared");
    for (const path of [shared, dir]) mkdirSync(path);
    writeFileSync(join(shared, "access_uri"), "ssh://build@host\n");
    writeFileSync(join(shared, "rack"), "b7\n");
    symlinkSync(shared, join(dir, "info"));
    const options = ["--numcpus=3", "-k", "0", "--force", "--delete-leftover-dirs"];
    home.command("create-worker", ...options, dir, `[::1]:${listening.port}`, "w1", "pass");
    expect(await home.inBackground("start", dir)).toMatchObject({ status: 0 });
    const { facts } = await door.nextAttached();
    expect(facts).toMatchObject({ numcpus: 3, basedir: dir });
    expect(facts.info).toMatchObject({
      ...{ access_uri: "ssh://build@host\n", rack: "b7\n" },
      host: expect.stringContaining("description"),
    });
    expect(readFileSync(join(shared, "rack"), "utf8")).toBe("b7\n");
  } finally {
    await listening.close();
  }
});

describe("--allow-shutdown=file", () => {
  it("asks for no more builds when the stamp is touched", async () => {
    const door = testDoor({ passwords: { w1: "pass" } });
    const listening = await pbProtocol.listen(door, OPTIONS);
    try {
      const master = `127.0.0.1:${listening.port}`;
      home.command("create-worker", "--allow-shutdown=file", dir, master, "w1", "pass");
      await home.inBackground("start", dir);
      const { session } = await door.nextAttached();
      const pid = home.pid(dir);
      // Until it knows that it is in, there is nobody to ask.
      while (!log().includes("the master took")) await setTimeout(20);
      writeFileSync(join(dir, "shutdown.stamp"), "");
      await door.nextDrainRequest();
      await session.shutdown();
      await gone(pid);
      expect(log()).toContain("ended: told to go");
    } finally {
      await listening.close();
    }
  });

  it("ends at once when there is no master to ask", async () => {
    home.command("create-worker", "--allow-shutdown=file", dir, "127.0.0.1:1", "w1", "pass");
    await home.inBackground("start", dir);
    const pid = home.pid(dir);
    writeFileSync(join(dir, "shutdown.stamp"), "");
    await gone(pid);
    expect(log()).toContain("ended: drained");
  });
});

it.skipIf(!hasTinyproxy()).each([
  { name: "pb", protocol: pbProtocol },
  { name: "msgpack_experimental_v7", protocol: msgpackProtocol },
])("goes through a real proxy that wants a password, with $name", async (kind) => {
  const door = testDoor({ passwords: { w1: "pass" } });
  const listening = await kind.protocol.listen(door, OPTIONS);
  const proxy = await startTinyproxy({ account: "me word" });
  try {
    home.command(
      ...["create-worker", `--protocol=${kind.name}`],
      ...[`--proxy-connection-string=http://me:word@127.0.0.1:${proxy.port}`],
      ...[dir, `127.0.0.1:${listening.port}`, "w1", "pass"],
    );
    await home.inBackground("start", dir);
    const { session } = await door.nextAttached();
    const sink = new KeepingSink();
    expect(await session.run("b1", shell("seq 50000"), sink, never)).toMatchObject({ rc: 0 });
    expect(sink.text("stdout").split("\n")).toHaveLength(50_001);
    expect(proxy.log()).toContain(`CONNECT 127.0.0.1:${listening.port}`);
    await home.inBackground("stop", dir);
  } finally {
    await listening.close();
    await proxy.stop();
  }
});
