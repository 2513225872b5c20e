// Guarantee: the local driver keeps the contract of latent drivers with real processes, found again
// by another program of ours, and leaves none behind, whatever a build on them began.
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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
      agent: { host: "127.0.0.1", port, protocol: "pb", name: "-w", password: "p" },
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
    let ended = () => {};
    const isSaid = new Promise<void>((resolve) => {
      ended = resolve;
    });
    const driver = localDriver(host).open({}, { ...UNHEARD, ended: () => ended() });
    const tag = { installation: "local", organization: 1, worker: 2, generation: 1 };
    const agent = { host: "h", port: 1, protocol: "pb", name: "w", password: "p" } as const;
    const made = await driver.start({ key: "bb-local-words-1", tag, agent }, SIGNAL);
    // Nobody has to look for it.
    await isSaid;
    const report = await driver.inspect(made, SIGNAL);
    expect(report).toMatchObject({ state: "gone", why: expect.stringContaining("no licence") });
    await driver.stop(made, "now", SIGNAL);
    host.remove();
  });

  // What builds run is a stranger's to whoever runs the installation; only root has somebody else to be.
  describe.runIf(process.getuid?.() === 0)("as another account", () => {
    const NOBODY = 65_534;

    /** A machine that does this in its directory and ends. */
    async function ranOnce(key: string, code: string) {
      const host = { ...(await localHost()), account: { uid: NOBODY, gid: NOBODY } };
      chmodSync(host.folder, 0o755);
      writeFileSync(
        host.program,
        `import { execFileSync as run } from "node:child_process";
        import * as fs from "node:fs"; ${code}`,
      );
      const driver = localDriver(host).open({}, UNHEARD);
      const tag = { installation: "local", organization: 1, worker: 3, generation: 1 };
      const agent = { host: "h", port: 1, protocol: "pb", name: "w", password: "p" } as const;
      const made = await driver.start({ key, tag, agent }, SIGNAL);
      let report = await driver.inspect(made, SIGNAL);
      while (report.state !== "gone") {
        await sleep(10);
        report = await driver.inspect(made, SIGNAL);
      }
      return { host, why: report.why, stop: () => driver.stop(made, "now", SIGNAL) };
    }

    test("a build that puts a link to a secret where the machine's words are is not told it", async () => {
      const secret = join(mkdtempSync(join(tmpdir(), "slipway-secret-")), "key");
      writeFileSync(secret, "the installation's own", { mode: 0o600 });
      const { host, why, stop } = await ranOnce(
        "bb-local-link-1",
        `for (const name of fs.readdirSync(".").concat("machine.log", "../bb-local-link-1.log"))
           try { fs.rmSync(name, { force: true }); fs.symlinkSync(${JSON.stringify(secret)}, name); } catch {}
         console.log("done");`,
      );
      expect(why).toBe("done");
      await stop();
      expect(readdirSync(host.folder)).toEqual(["worker.mjs"]);
      rmSync(join(secret, ".."), { recursive: true });
      host.remove();
    });

    test("what it leaves behind goes with it, closed folders too, and what it has links to stays", async () => {
      const outside = mkdtempSync(join(tmpdir(), "slipway-outside-"));
      writeFileSync(join(outside, "kept"), "");
      const { host, stop } = await ranOnce(
        "bb-local-left-1",
        `fs.mkdirSync("a/b", { recursive: true }); fs.writeFileSync("a/b/c", "");
         fs.chmodSync("a/b", 0o555); fs.chmodSync("a", 0o000);
         fs.symlinkSync(${JSON.stringify(outside)}, "link"); run("mkfifo", ["pipe"]);`,
      );
      await stop();
      expect(readdirSync(host.folder)).toEqual(["worker.mjs"]);
      expect(readdirSync(outside)).toEqual(["kept"]);
      rmSync(outside, { recursive: true });
      host.remove();
    });

    test("a mark that a build made up leads out of no folder", async () => {
      const { host, stop } = await ranOnce("bb-local-mark-1", "");
      mkdirSync(join(host.folder, "kept"));
      for (const name of ["kept/file", "kept.log"]) writeFileSync(join(host.folder, name), "");
      const tag = { installation: "local", organization: 1, worker: 3, generation: 1 };
      const wicked = { ...host, folder: join(host.folder, "machines") };
      mkdirSync(wicked.folder);
      const driver = localDriver(wicked).open({}, UNHEARD);
      const forger = spawn("/bin/sleep", ["600"], {
        ...{ detached: true, stdio: "ignore", ...host.account },
        env: {
          SLIPWAY_MACHINE: JSON.stringify({ key: "../kept", tag }),
        } as unknown as NodeJS.ProcessEnv,
      });
      await new Promise((resolve) => forger.once("spawn", resolve));
      const { pid } = forger;
      const marked = await markedProcesses("SLIPWAY_MACHINE");
      expect(marked.map((each) => each.pid)).toContain(pid);
      // Nor does it keep the others from being seen.
      expect(await driver.list({ installation: "local" }, SIGNAL)).toEqual([]);
      const handle = { key: "../kept", tag, ref: null, madeAt: null };
      await expect(driver.stop(handle, "now", SIGNAL)).rejects.toThrow("no key of a machine");
      expect(readdirSync(host.folder).sort()).toEqual(
        expect.arrayContaining(["kept", "kept.log", "machines"]),
      );
      expect(readdirSync(join(host.folder, "kept"))).toEqual(["file"]);
      forger.kill("SIGKILL");
      await stop();
      host.remove();
    });

    test("of much that it printed only the end is read", async () => {
      const { host, why, stop } = await ranOnce(
        "bb-local-much-1",
        `fs.ftruncateSync(1, 5e9);
         fs.writeSync(1, "\\nthe end");`,
      );
      expect(why).toHaveLength(2_000);
      expect(why.endsWith("\nthe end")).toBe(true);
      await stop();
      host.remove();
    });
  });
});
