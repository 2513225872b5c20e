// Guarantee: the local driver keeps the contract of latent drivers with real processes, found again
// by another program of ours, and leaves none behind, whatever a build on them began.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { UNHEARD } from "../../../server/drivers/contract";
import { type LocalHost, localDriver } from "../../../server/drivers/local";
import { markedProcesses } from "../../../server/drivers/local/processes";
import { workerProgram } from "../../support/slipway-worker";
import { driverConformance } from "./suite";

const SIGNAL = new AbortController().signal;

async function localHost(): Promise<LocalHost & { remove(): void }> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-machines-"));
  const program = join(folder, "worker.mjs");
  writeFileSync(program, await workerProgram());
  const env = { PATH: "/usr/bin:/bin" };
  return { program, folder, env, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Of machines whose directory is below this host's. */
async function running({ folder }: LocalHost) {
  const keys = new Set(readdirSync(folder));
  const all = await markedProcesses("SLIPWAY_MACHINE");
  return all.filter(({ mark, isZombie }) => !isZombie && keys.has(JSON.parse(mark).key));
}

describe("local driver", () => {
  driverConformance(async () => {
    const host = await localHost();
    return {
      driver: localDriver(host).open({}, UNHEARD),
      reopened: () => localDriver(host).open({}, UNHEARD),
      hopeless: localDriver({ ...host, program: "/nowhere/worker.mjs" }).open({}, UNHEARD),
      count: async () => (await running(host)).filter(({ isLeader }) => isLeader).length,
      async kill({ key }) {
        for (const { mark, pid } of await running(host)) {
          if (JSON.parse(mark).key === key) process.kill(pid, "SIGKILL");
        }
      },
      async close() {
        expect(await running(host)).toEqual([]);
        host.remove();
      },
    };
  });

  test("its worker dials the door it was told, and all that it began ends with it", async () => {
    const host = await localHost();
    const door = createServer();
    const dialled = new Promise<void>((resolve) => door.once("connection", () => resolve()));
    await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
    const { port } = door.address() as { port: number };
    const tag = { installation: "local", organization: 1, worker: 1, generation: 1 };
    const order = {
      ...{ key: "bb-local-dial-1", tag },
      agent: { host: "127.0.0.1", port, protocol: "pb", name: "w", password: "p" },
    } as const;
    const driver = localDriver(host).open({}, UNHEARD);
    const made = await driver.start(order, SIGNAL);
    await dialled;
    // A daemon that a build left behind, in a session of its own.
    const [leader] = await running(host);
    spawn("/bin/sleep", ["600"], {
      detached: true,
      stdio: "ignore",
      env: { SLIPWAY_MACHINE: leader?.mark } as unknown as NodeJS.ProcessEnv,
    }).unref();
    while ((await running(host)).length < 2) await sleep(10);
    await driver.stop(made, "graceful", SIGNAL);
    expect(await running(host)).toEqual([]);
    expect(readdirSync(host.folder)).toEqual(["worker.mjs"]);
    door.close();
    host.remove();
  });

  test("one that ends by itself says its last words", async () => {
    const host = await localHost();
    writeFileSync(host.program, "console.error('no licence'); process.exit(3);");
    const driver = localDriver(host).open({}, UNHEARD);
    const tag = { installation: "local", organization: 1, worker: 2, generation: 1 };
    const agent = { host: "h", port: 1, protocol: "pb", name: "w", password: "p" } as const;
    const made = await driver.start({ key: "bb-local-words-1", tag, agent }, SIGNAL);
    for (;;) {
      const report = await driver.inspect(made, SIGNAL);
      if (report.state === "gone") {
        expect(report.why).toContain("no licence");
        break;
      }
      await sleep(10);
    }
    await driver.stop(made, "now", SIGNAL);
    host.remove();
  });
});
