// Guarantee: beside all that every worker does (tests/conformance/workers), what fails with a real Python
// buildbot-worker and Buildbot's own master works here: downloads, hidden arguments, times, long and live lines.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ShellArgs } from "../../server/domain/wire";
import type { Listening } from "../../server/protocols/contract";
import { msgpackProtocol } from "../../server/protocols/msgpack";
import type { BuildbotWorker } from "../support/buildbot-worker";
import { hasBuildbotWorker, MSGPACK, startBuildbotWorker } from "../support/buildbot-worker";
import { shell } from "../support/shell-command";
import { KeepingSink, never, type TestDoor, testDoor } from "../support/worker-door";

const OPTIONS = { host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 };

describe.skipIf(!hasBuildbotWorker())("the Python worker over msgpack", () => {
  describe("what Buildbot's masters do worse", () => {
    let door: TestDoor;
    let listening: Listening;
    let worker: BuildbotWorker | null = null;

    beforeEach(async () => {
      door = testDoor({ passwords: { w1: "pass:with:colons" } });
      listening = await msgpackProtocol.listen(door, OPTIONS);
    });

    afterEach(async () => {
      await worker?.stop();
      await listening.close();
    });

    async function attach(options: { dir?: string; args?: readonly string[] } = {}) {
      worker = await startBuildbotWorker({
        ...{ host: "127.0.0.1", port: listening.port, name: "w1", password: "pass:with:colons" },
        ...options,
        args: [MSGPACK, ...(options.args ?? [])],
        env: { TRAP: "expanded" },
      });
      return { worker, ...(await door.nextAttached()) };
    }

    it("hides arguments of any kind, and gives them to the program unchanged", async () => {
      const { session } = await attach();
      const hidden = "s3cret $" + "{TRAP} 'quoted' \"twice\" \\n é\n\n";
      const program =
        "import sys, os; print(sys.argv[1:], [k for k in os.environ if 'HIDDEN' in k])";
      const run = async (more: Partial<ShellArgs>) => {
        const sink = new KeepingSink();
        const command = ["python3", "-c", program, "it's", { real: hidden, shown: "XXXX" }, ""];
        const end = await session.run("b1", shell(command, more), sink, never);
        return { end, sink };
      };
      for (const more of [{ logEnviron: true, env: { MORE: "said" } }, { usePTY: true }]) {
        const { end, sink } = await run(more);
        expect(end).toMatchObject({ kind: "completed", rc: 0 });
        const said = sink.text("stdout").trim();
        expect(said).toBe(
          `["it's", 's3cret $` + `{TRAP} \\'quoted\\' "twice" \\\\n é\\n\\n', ''] []`,
        );
        // Neither as it is nor in octal.
        expect(sink.text("header")).not.toMatch(/s3cret|163.0?063/);
        if ("env" in more) expect(sink.text("header")).toContain("  MORE=said\n");
      }
    });

    it("loses nothing of a long line", async () => {
      const { session } = await attach();
      const sink = new KeepingSink();
      await session.run("b1", shell("seq -s, 1 30000; seq -s, 1 5"), sink, never);
      const [long, short] = sink.text("stdout").split("\n");
      expect(long?.split(",")).toHaveLength(30_000);
      expect(short).toBe("1,2,3,4,5");
    });

    it("hears a line while the command runs", async () => {
      const { session, worker } = await attach();
      const gate = join(worker.dir, "gate");
      const sink = new KeepingSink();
      const command = shell(`echo first; while ! [ -e ${gate} ]; do sleep 0.05; done`);
      const running = session.run("b1", command, sink, never);
      // It would come at the end, or after five seconds, otherwise; the test would hang.
      await sink.waitFor("stdout", "first\n");
      writeFileSync(gate, "");
      expect(await running).toMatchObject({ kind: "completed", rc: 0 });
    });

    it("finds files below the worker's home", async () => {
      const { session, worker } = await attach();
      writeFileSync(join(worker.dir, "in-home"), "");
      const remove = { name: "rmfile", args: { path: "~/in-home" } } as const;
      expect(await session.run("b1", remove, new KeepingSink(), never)).toMatchObject({ rc: 0 });
      expect(existsSync(join(worker.dir, "in-home"))).toBe(false);
    });

    it("makes the directories of builders, and removes those of none only when asked to", async () => {
      door.builders = [
        { name: "b1", builddir: "b1" },
        { name: "deep", builddir: "deep/er" },
      ];
      const first = await attach();
      const { dir } = first.worker;
      mkdirSync(join(dir, "leftover", "with", "content"), { recursive: true });
      const kept = async () => {
        await first.session.serve(door.builders.slice(0, 1));
        await first.session.serve(door.builders);
      };
      await kept();
      expect(readdirSync(dir)).toEqual(expect.arrayContaining(["b1", "deep", "info", "leftover"]));
      expect(existsSync(join(dir, "deep", "er"))).toBe(true);

      const asking = await attach({ args: ["--delete-leftover-dirs"] });
      const there = asking.worker.dir;
      mkdirSync(join(there, "leftover", "with"), { recursive: true });
      writeFileSync(join(there, "a-file"), "");
      await asking.session.serve(door.builders.slice(0, 1));
      const names = readdirSync(there);
      expect(names).toEqual(expect.arrayContaining(["a-file", "b1", "buildbot.tac", "info"]));
      expect(names).not.toContain("leftover");
      expect(names).not.toContain("deep");
      await first.worker.stop();
    });
  });
});
