// Guarantee: our own worker serves a real Buildbot master over both protocols as Buildbot's worker does:
// shell, file and Git steps end there as they should, with the right contents on both sides.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type BuildbotMaster,
  type BuildOutcome,
  hasBuildbotMaster,
  startBuildbotMaster,
} from "../support/buildbot-master";
import { type SlipwayWorker, startSlipwayWorker } from "../support/slipway-worker";

const SUCCESS = 0;
const FAILURE = 2;
const CANCELLED = 6;
const BIG = Buffer.alloc(100_000, "a block of a file ");

const logOf = ({ steps }: BuildOutcome, name: string) =>
  steps.find((step) => step.name === name)?.log ?? "";

describe.skipIf(!hasBuildbotMaster())("our worker with a real Buildbot master", () => {
  const home = mkdtempSync(join(tmpdir(), "slipway-interop-"));
  const repository = join(home, "repository.git");
  let master: BuildbotMaster;
  const workers: Partial<Record<"pb" | "msgpack", SlipwayWorker>> = {};

  /** A commit on the bare repository's main branch. */
  function commit(content: string): void {
    const tree = join(home, "tree");
    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.invalid", ...args], {
        cwd: tree,
        stdio: "pipe",
      });
    if (!existsSync(tree)) {
      for (const args of [["--bare", repository], [tree]]) {
        execFileSync("git", ["init", "-q", "-b", "main", ...args]);
      }
    }
    writeFileSync(join(tree, "file.txt"), `${content}\n`);
    git("add", "-A");
    git("commit", "-qm", `commit of ${content}`);
    git("push", "-q", repository, "main");
  }

  beforeAll(async () => {
    commit("first");
    master = await startBuildbotMaster(repository);
    writeFileSync(join(master.dir, "big.bin"), BIG);
    const common = { password: "pass" } as const;
    const { pb, msgpack } = master.ports;
    workers.pb = await startSlipwayWorker({ ...common, port: pb, name: "w1" });
    workers.msgpack = await startSlipwayWorker({
      ...{ ...common, port: msgpack, name: "w2", protocol: "msgpack" },
    });
    await master.attached("w1", "w2");
  });

  afterAll(async () => {
    await Promise.all(Object.values(workers).map((worker) => worker.stop()));
    await master?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  describe.each(["pb", "msgpack"] as const)("over %s", (protocol) => {
    const build = (name: string) => master.build(`${protocol}-${name}`);

    /** Runs a builder all of whose steps are to succeed. */
    async function green(name: string): Promise<BuildOutcome> {
      const outcome = await build(name);
      expect(outcome.steps.filter((step) => step.results !== SUCCESS)).toEqual([]);
      expect(outcome.results).toBe(SUCCESS);
      return outcome;
    }

    it("runs a build of one command", async () => {
      const log = logOf(await green("echo"), "echo");
      expect(log).toContain("hecho hi\nh in dir ");
      expect(log).toContain("\nohi\n");
      expect(log).toContain("hprogram finished with exit code 0\n");
    });

    it("runs shell steps of every kind", async () => {
      const outcome = await green("shells");
      expect(logOf(outcome, "shell")).toContain("oout\n");
      expect(logOf(outcome, "shell")).toContain("eerr\n");
      expect(logOf(outcome, "shell")).toContain("o<>\n");
      expect(logOf(outcome, "shell")).toContain("ono newline\n");
      expect(logOf(outcome, "use")).toContain("oanswer=value-42\n");
      expect(logOf(outcome, "logfile")).toContain("ol1\nol2\n");
      expect(logOf(outcome, "logfile")).toContain("oold\n");
      expect(logOf(outcome, "terminal")).toContain("otty\n");
      expect(logOf(outcome, "stdin")).toContain("ofrom stdin\n");
    });

    it("makes, copies and removes files, and moves them both ways", async () => {
      const outcome = await green("files");
      const at = (...path: string[]) => join(master.dir, ...path);
      const uploaded = at(`${protocol}-a.txt`);
      expect(readFileSync(uploaded, "utf8")).toBe("one\n");
      expect(statSync(uploaded).mode & 0o777).toBe(0o640);
      const source = join(workers[protocol]?.dir ?? "", `${protocol}-files`, "build/d1/a.txt");
      if (protocol === "pb") {
        expect(Math.abs(statSync(uploaded).mtimeMs - statSync(source).mtimeMs)).toBeLessThan(1);
      }
      const binary = readFileSync(at(`${protocol}-dir`, "d2", "c"));
      expect(binary.equals(Buffer.from([0, 1, 255]))).toBe(true);
      expect(readFileSync(at(`${protocol}-gz`, "b.txt"), "utf8")).toBe("two\n");
      const many = ["a.txt", "b.txt", "d2/c"].map((file) => at(`${protocol}-many`, file));
      expect(many.map((path) => existsSync(path))).toEqual([true, true, true]);
      // A 3.7 master answers each read over msgpack with null: its files arrive empty, whoever asks.
      const isWhole = protocol === "pb";
      const sum = execFileSync("cksum", { input: isWhole ? BIG : "" }).toString();
      expect(logOf(outcome, "downloaded")).toContain(`o640 ${isWhole ? 9 : 0}\no${sum}`);
    });

    it("checks out with Git: at first, again, from scratch and as a copy", async () => {
      const head = (content: string) => `o${content}\n`;
      commit(`${protocol} one`);
      const first = await green("git");
      expect(logOf(first, "head")).toContain(
        `${head(`${protocol} one`)}${head(`commit of ${protocol} one`)}`,
      );
      commit(`${protocol} two`);
      expect(logOf(await green("git"), "head")).toContain(head(`${protocol} two`));
      const fresh = logOf(await green("git-fresh"), "head");
      expect(fresh).toContain(head(`${protocol} two`));
      commit(`${protocol} three`);
      const again = logOf(await green("git-fresh"), "head");
      expect(again).toContain(head(`${protocol} three`));
      expect(again).not.toContain("untracked");
      const copy = logOf(await green("git-copy"), "head");
      expect(copy).toContain(head(`${protocol} three`));
      expect(copy).toContain("osource\n");
    });

    it("tells failures and time-outs", async () => {
      const failed = await build("fail");
      expect(failed.results).toBe(FAILURE);
      expect(logOf(failed, "fail")).toContain("ebad\n");
      expect(logOf(failed, "fail")).toContain("hprogram finished with exit code 3\n");
      const missing = await build("missing");
      expect(missing.results).toBe(FAILURE);
      expect(logOf(missing, "upload")).toContain("Cannot open file");
      const silent = await build("timeout");
      expect(silent.results).toBe(FAILURE);
      expect(logOf(silent, "silent")).toContain("1 seconds without output");
    });

    it("ends a build that is stopped, asking the command first", async () => {
      const running = build("sleep");
      const ready = join(workers[protocol]?.dir ?? "", `${protocol}-sleep`, "build", "ready");
      while (!existsSync(ready)) await setTimeout(20);
      await master.stopBuild(`${protocol}-sleep`);
      const stopped = await running;
      expect(stopped.results).toBe(CANCELLED);
      expect(logOf(stopped, "sleep")).toContain("hcommand interrupted, attempting to kill\n");
      expect(logOf(stopped, "sleep")).toContain("oasked\n");
    });

    it("loses no line, and lets go of the master's objects", async () => {
      const lines = logOf(await green("lines"), "lines").split("\n");
      expect(lines.filter((line) => /^o\d+$/.test(line))).toHaveLength(50_001);
      // Only PB counts objects.
      if (protocol === "pb") await green("many");
    });
  });

  it("comes back when the master was restarted", async () => {
    await master.halt();
    await master.start();
    await master.attached("w1", "w2");
    for (const builder of ["pb-echo", "msgpack-echo"]) {
      expect((await master.build(builder)).results).toBe(SUCCESS);
    }
  });
});
