// Guarantee: what is given up in the middle, by us or by the engine, leaves nothing: no container of a
// build, no file that stays open, no connection that nobody answers on any more and nobody misses.
import { execFileSync } from "node:child_process";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { startDockerEngine } from "../../../../support/docker-engine";
import { createDockerRig, SIGNAL } from "../../../../support/docker-rig";

const engine = await startDockerEngine();
const turn = () => new Promise((resolve) => setTimeout(resolve, 20));

describe.skipIf(engine === null)("a build of an image", () => {
  if (engine === null) return;
  afterAll(() => engine.stop());

  test("that nobody waits for any more ends at the engine, with its container", async () => {
    const options = { docker_host: engine.host, hostconfig: { network_mode: "host" } };
    const rig = createDockerRig(options);
    const images = async () => (await engine.docker.listImages({ all: true })).length;
    const before = await images();
    const end = new AbortController();
    const driver = rig.open({ dockerfile: "FROM tiny\nRUN echo at it; sleep 1000\n" });
    const start = driver.start(rig.order(), end.signal);
    while (!rig.notes.includes("at it")) await turn();
    expect(await engine.containers()).toHaveLength(1);
    end.abort(new Error("nobody waits"));
    await expect(start).rejects.toThrow("nobody waits");
    while ((await engine.containers()).length > 0) await turn();
    await driver.stop({ ...rig.order(), ref: null, madeAt: null }, "now", SIGNAL);
    expect(await images()).toBe(before);
  });
});

test("a context that an engine refuses before it has read it is not kept open", async () => {
  const folder = mkdtempSync(join(tmpdir(), "slipway-contexts-"));
  writeFileSync(join(folder, "big"), Buffer.alloc(24_000_000, "slipway "));
  execFileSync("tar", ["-C", folder, "-cf", join(folder, "context.tar"), "big"]);
  const refusing = createServer((request, response) => {
    if (request.url === "/version") {
      response.setHeader("content-type", "application/json");
      return response.end('{"ApiVersion":"1.41"}');
    }
    response.writeHead(request.url?.includes("/build") ? 400 : 404);
    return response.end('{"message":"no such thing, and not today"}');
  });
  await new Promise<void>((resolve) => refusing.listen(0, "127.0.0.1", resolve));
  const docker_host = `tcp://127.0.0.1:${(refusing.address() as AddressInfo).port}`;
  const rig = createDockerRig({ docker_host, image: "made:1" }, { contexts: folder });
  const isOpen = () =>
    readdirSync("/proc/self/fd").some((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).endsWith("context.tar");
      } catch {
        return false;
      }
    });
  try {
    for (const encoding of ["identity", "gzip"]) {
      const options = { custom_context: true, dockerfile: "context.tar", encoding };
      await expect(rig.open(options).start(rig.order(), SIGNAL)).rejects.toMatchObject({
        code: "bad-configuration",
        message: expect.stringMatching(/not today|connection broke/),
      });
      while (isOpen()) await turn();
    }
  } finally {
    refusing.closeAllConnections();
    await new Promise((resolve) => refusing.close(resolve));
    rmSync(folder, { recursive: true });
  }
});

test("an engine whose host is gone without a word is missed: the connection is kept alive", async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const { port } = silent.address() as AddressInfo;
  const rig = createDockerRig({ docker_host: `tcp://127.0.0.1:${port}`, version: "1.41" });
  const end = new AbortController();
  const waiting = rig.open({ image: "x:1" }).list({ installation: "x" }, end.signal);
  try {
    while (timerOfConnectionTo(port) !== KEEPALIVE) await turn();
  } finally {
    end.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  }
});

/** As the kernel numbers what a connection waits for. */
const KEEPALIVE = "02";

function timerOfConnectionTo(port: number): string | null {
  const to = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  const fields = rows.map((row) => row.trim().split(/\s+/));
  const own = fields.find(([, , remote, state]) => remote?.endsWith(to) && state === "01");
  return own?.[5]?.split(":")[0] ?? null;
}
