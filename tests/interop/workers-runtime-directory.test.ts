// Guarantee: a worker's directory may go from buildbot-worker to slipway-worker and back: either reads the
// settings that the other made, sees that the other runs there, and stops it.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Listening } from "../../server/protocols/contract";
import { pbProtocol } from "../../server/protocols/pb";
import { hasBuildbotWorker } from "../support/buildbot-worker";
import { gone } from "../support/process-state";
import { shell } from "../support/shell-command";
import { type SlipwayWorkerHome, slipwayWorkerHome } from "../support/slipway-worker-command";
import { KeepingSink, never, type TestDoor, testDoor } from "../support/worker-door";

let home: SlipwayWorkerHome;
let dir = "";
let door: TestDoor;
let listening: Listening;

beforeEach(async () => {
  home = await slipwayWorkerHome();
  dir = home.at("w");
  door = testDoor({
    passwords: { w1: "it's" },
    builders: [{ name: "b1", builddir: "b1" }],
  });
  listening = await pbProtocol.listen(door, { host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 });
});

afterEach(async () => {
  home.stop(dir);
  await listening.close();
  home.remove();
});

/** Buildbot's own command, while this process goes on. */
function python(...args: string[]): Promise<number | null> {
  const small = {
    PATH: "/usr/bin:/bin",
    HOME: home.at(),
    LANG: "C.UTF-8",
    PYTHONWARNINGS: "ignore",
  };
  const child = spawn("/usr/bin/buildbot-worker", args, {
    ...{ env: small as unknown as NodeJS.ProcessEnv, cwd: home.at(), stdio: "ignore" },
  });
  return new Promise((resolve) => child.once("exit", resolve));
}

describe.skipIf(!hasBuildbotWorker())("a directory of a worker", () => {
  it("made by buildbot-worker is taken over by slipway-worker", async () => {
    const options =
      "--umask=0o27 --keepalive=120 --maxdelay=5 --maxretries=9 --numcpus=3 --allow-shutdown=signal " +
      "--delete-leftover-dirs --log-size=4000 --log-count=2 --relocatable";
    const master = `127.0.0.1:${listening.port}`;
    const made = ["create-worker", ...options.split(" "), dir, master, "w1", "it's"];
    expect(await python(...made)).toBe(0);
    writeFileSync(join(dir, "info", "admin"), "Somebody\n");

    await python("start", dir);
    const theirs = await door.nextAttached();
    expect(theirs.facts.version).toMatch(/^\d/);
    const pid = home.pid(dir);
    mkdirSync(join(dir, "left over"));
    expect((await home.inBackground("start", dir)).err).toContain("already");
    expect(await home.inBackground("restart", dir)).toMatchObject({ status: 0 });
    await gone(pid);

    const { facts, session } = await door.nextAttached();
    expect(facts).toMatchObject({ version: expect.stringContaining("slipway"), numcpus: 3 });
    expect(facts.info).toMatchObject({ admin: "Somebody\n" });
    expect(existsSync(join(dir, "left over"))).toBe(false);
    const sink = new KeepingSink();
    await session.run("b1", shell("umask; touch new"), sink, never);
    expect(sink.text("stdout").trim()).toBe("0027");
    // It drains on SIGHUP, as it was told to.
    while (!readFileSync(join(dir, "twistd.log"), "utf8").includes("the master took")) {
      await setTimeout(20);
    }
    process.kill(home.pid(dir), "SIGHUP");
    await door.nextDrainRequest();
  });

  it("made by slipway-worker is understood by buildbot-worker", async () => {
    const options = ["--umask=0o22", "--numcpus=2", "--maxretries=7", "-l", "None"];
    const master = `127.0.0.1:${listening.port}`;
    for (const more of [[], ["--relocatable"]]) {
      home.command("create-worker", ...options, ...more, dir, master, "w1", "it's");
      expect(await python("start", dir)).toBe(0);
      const { facts, session } = await door.nextAttached();
      expect(facts.version).toMatch(/^\d/);
      expect(facts.basedir).toBe(dir);
      const sink = new KeepingSink();
      await session.run("b1", shell("umask"), sink, never);
      expect(sink.text("stdout").trim()).toBe("0022");
      expect(await home.inBackground("stop", dir)).toMatchObject({ status: 0 });
      await session.closed;
      spawnSync("rm", ["-rf", dir]);
    }
  });

  it("in which slipway-worker runs is stopped by buildbot-worker", async () => {
    home.command("create-worker", dir, `127.0.0.1:${listening.port}`, "w1", "it's");
    await home.inBackground("start", dir);
    const { session } = await door.nextAttached();
    expect(await python("stop", dir)).toBe(0);
    await session.closed;
    expect(existsSync(join(dir, "twistd.pid"))).toBe(false);
  });
});
