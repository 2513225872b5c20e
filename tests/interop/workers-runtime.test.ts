// Guarantee: our own worker does everything over either door of ours that a Buildbot worker does, loses
// no output, and stays small however much there is of it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Command, CommandEnd } from "../../server/domain/wire";
import type { Listening, WorkerSession } from "../../server/protocols/contract";
import { msgpackProtocol } from "../../server/protocols/msgpack";
import { pbProtocol } from "../../server/protocols/pb";
import { gone } from "../support/process-state";
import { shell } from "../support/shell-command";
import {
  type SlipwayWorker,
  type SlipwayWorkerOptions,
  startSlipwayWorker,
} from "../support/slipway-worker";
import { KeepingSink, never, type TestDoor, testDoor } from "../support/worker-door";

const OPTIONS = {
  host: "127.0.0.1",
  port: 0,
  loginTimeoutMs: 30_000,
};

const PROTOCOLS = [
  { name: "pb", protocol: pbProtocol },
  { name: "msgpack", protocol: msgpackProtocol },
] as const;

describe.each(PROTOCOLS)("our worker over $name", ({ name: protocolName, protocol }) => {
  let door: TestDoor;
  let listening: Listening;
  let worker: SlipwayWorker;
  let session: WorkerSession;

  beforeAll(async () => {
    door = testDoor({
      passwords: { w1: "pass" },
      builders: ["b1", "b2"].map((name) => ({ name, builddir: name })),
    });
    listening = await protocol.listen(door, OPTIONS);
    worker = await startSlipwayWorker({
      port: listening.port,
      protocol: protocolName,
      name: "w1",
      password: "pass",
      env: { FROM_WORKER: "inherited", DATABASE_URL: "postgres://hidden", SLIPWAY_SECRET_KEY: "k" },
    });
    ({ session } = await door.nextAttached());
  });

  afterAll(async () => {
    await worker?.stop();
    await listening?.close();
  });

  async function run(command: Command, stop = never): Promise<[CommandEnd, KeepingSink]> {
    const sink = new KeepingSink();
    return [await session.run("b1", command, sink, stop), sink];
  }

  const build = (...path: string[]) => join(worker.dir, "b1", "build", ...path);

  it("runs a command line with the headers that a log has around it", async () => {
    const [end, sink] = await run(shell("echo hi; exit 3", { logEnviron: true }));
    expect(end).toMatchObject({ kind: "completed", rc: 3, failureReason: null });
    expect(sink.text("stdout")).toBe("hi\n");
    const header = sink.text("header");
    expect(header).toContain("echo hi; exit 3\n in dir ");
    expect(header).toContain(" argv: [b'/bin/sh', b'-c', b'echo hi; exit 3']\n");
    expect(header).toContain("FROM_WORKER=inherited");
    expect(header).toMatch(/ using PTY: False\nelapsedTime=\d+\.\d{6}\n$/);
  });

  it("shows its own environment without what was the server's", async () => {
    const { environ, workerCommands, info } = await session.describe();
    expect(environ).toMatchObject({ FROM_WORKER: "inherited" });
    const hidden = Object.keys(environ).filter((name) => /^SLIPWAY_|^DATABASE_URL$/.test(name));
    expect(hidden).toEqual([]);
    expect(workerCommands).toMatchObject({ shell: "3.3", uploadDirectory: "3.3" });
    expect(info).toMatchObject({ os_id: expect.any(String) });
    const [, sink] = await run(shell("env"));
    expect(sink.text("stdout")).not.toMatch(/SLIPWAY_|DATABASE_URL/);
    expect(sink.text("stdout")).toContain(`PWD=${build()}\n`);
  });

  it("hides what is obfuscated and gives standard input and environment", async () => {
    const [, hidden] = await run(shell(["echo", { real: "s3cret", shown: "XXXX" }]));
    expect(hidden.text("stdout")).toBe("s3cret\n");
    // Over msgpack there is no form for it but the environment, which a shell takes it out of.
    if (protocolName === "pb") expect(hidden.text("header")).toContain("echo XXXX\n");
    expect(hidden.text("header")).not.toContain("s3cret");
    const [, sink] = await run(
      shell('cat; echo "$ADDED/$REMOVED/$MADE"', {
        initial_stdin: "été\n",
        env: { ADDED: "a", FROM_WORKER: null, MADE: ["x", "$" + "{HOME}"] },
      }),
    );
    expect(sink.text("stdout")).toBe(`été\na//x:${worker.dir}\n`);
  });

  it("gives commands real pipes, or a terminal when asked for one", async () => {
    const [end, sink] = await run(shell("echo err > /dev/stderr; echo out | tee /dev/stdout"));
    expect(end).toMatchObject({ rc: 0 });
    expect(sink.text("stderr")).toBe("err\n");
    expect(sink.text("stdout")).toBe("out\nout\n");
    const script = ["sh", "-c", 'test -t 1 && echo terminal; echo "it\'s $SHELL"; exit 4'];
    const [terminal, terminalSink] = await run(
      shell(script, { usePTY: true, env: { SHELL: "/bin/dash" } }),
    );
    expect(terminal).toMatchObject({ rc: 4 });
    expect(terminalSink.text("stdout")).toBe("terminal\nit's /bin/dash\n");
  });

  it("follows log files, and keeps streams that are not wanted", async () => {
    const [, sink] = await run(
      shell("echo logged > test.log; echo out; echo err >&2", {
        want_stderr: false,
        logfiles: { test: "test.log", other: { filename: "none.log", follow: true } },
      }),
    );
    expect(sink.text("log:test")).toBe("logged\n");
    expect(sink.text("stdout")).toBe("out\n");
    expect(sink.text("stderr")).toBe("");
  });

  it("says why a program cannot be started", async () => {
    const [end, sink] = await run(shell(["/no/such/program"]));
    expect(end).toMatchObject({ kind: "completed", rc: 1 });
    expect(sink.text("stderr")).toBe("cannot start /no/such/program: no such program\n");
    expect((await run(shell("true")))[0]).toMatchObject({ rc: 0 });
  });

  it("kills what is silent too long, takes too long, or prints too much, and says which", async () => {
    const [silent, silentSink] = await run(shell(["sleep", "60"], { timeout: 1 }));
    expect(silent).toMatchObject({ rc: -1, failureReason: "timeout_without_output" });
    expect(silentSink.text("header")).toContain(
      "\ncommand timed out: 1 seconds without output running [b'sleep', b'60'], attempting to kill\n",
    );
    expect(silentSink.text("header")).toContain("process killed by signal 9\n");
    const [long, longSink] = await run(shell("while :; do echo; sleep 0.1; done", { maxTime: 1 }));
    expect(long).toMatchObject({ rc: -1, failureReason: "timeout" });
    expect(longSink.text("header")).toContain("1 seconds elapsed running");
    const [loud, loudSink] = await run(shell("seq 200; sleep 60", { max_lines: 100 }));
    expect(loud).toMatchObject({ rc: -1, failureReason: "max_lines_failure" });
    expect(loudSink.text("header")).toContain("exceeds max lines: 200/100 written/allowed");
  });

  /** Starts a command, waits until it has said so, and interrupts it. */
  async function interrupted(script: string, more: Parameters<typeof shell>[1]) {
    const stop = new AbortController();
    const sink = new KeepingSink();
    const running = session.run("b1", shell(script, more), sink, stop.signal);
    await sink.waitFor("stdout", "ready");
    stop.abort("enough");
    return [await running, sink] as const;
  }

  it("interrupts a command and all it started, asking first where told to", async () => {
    const pidFile = join(worker.dir, "grandchild");
    const [killed, sink] = await interrupted(
      `sleep 1000 & echo $! > ${pidFile}; echo ready; wait`,
      {},
    );
    expect(killed).toMatchObject({ kind: "completed", rc: -1, elapsedSeconds: null });
    expect(sink.text("header")).toContain("\ncommand interrupted, attempting to kill\n");
    const grandchild = readFileSync(pidFile, "utf8").trim();
    expect(
      existsSync(`/proc/${grandchild}/cmdline`) &&
        readFileSync(`/proc/${grandchild}/cmdline`, "utf8"),
    ).toBeFalsy();
    const asked = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    expect(await interrupted(asked, { sigtermTime: 30 })).toMatchObject([{ rc: 7 }, {}]);
    const calm = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    expect(await interrupted(calm, { sigtermTime: 30 })).toMatchObject([{ rc: -1 }, {}]);
    const stubborn = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    expect(await interrupted(stubborn, { sigtermTime: 1 })).toMatchObject([{ rc: -1 }, {}]);
  });

  it("gives a command up that ignores its signal, and does not leave it behind", async () => {
    const [end, sink] = await interrupted(
      "trap '' INT; echo ready $$; while :; do sleep 0.05; done",
      { interruptSignal: "INT" },
    );
    expect(end).toMatchObject({ kind: "failed", message: "the process could not be killed" });
    expect(sink.text("header")).toContain("SIGKILL failed to kill process\nusing fake rc=-1\n");
    expect((await run(shell("true")))[0]).toMatchObject({ rc: 0 });
  });

  it("passes bad UTF-8, split characters, long lines and an unfinished line on", async () => {
    writeFileSync(build("bad"), Buffer.from([0x61, 0xff, 0xfe, 0x62, 0x0a]));
    expect((await run(shell("cat bad")))[1].text("stdout")).toBe("a\ufffd\ufffdb\n");
    const [, split] = await run(shell("printf '\\342\\202'; sleep 0.3; printf '\\254\\n'"));
    expect(split.bytes("stdout").toString("hex")).toBe("e282ac0a");
    const line = "0123456789é".repeat(50_000);
    writeFileSync(build("long"), `${line}\nend`);
    const [, long] = await run(shell("cat long"));
    const lines = long.text("stdout").split("\n");
    expect(lines.slice(-2)).toEqual(["end", ""]);
    expect(lines.slice(0, -2).join("") === line).toBe(true);
    const [, moves] = await run(
      shell("printf 'a\\rb\\r\\nc\\b\\b\\bd\\033[2Je\\033[1;2Hf\\033[31mg\\n'"),
    );
    expect(moves.text("stdout")).toBe("a\nb\nc\nd\ne\nf\u001b[31mg\n");
  });

  it("streams a long log completely and in order", async () => {
    const [end, sink] = await run(shell("seq 100000 400000"));
    expect(end).toMatchObject({ rc: 0 });
    const expected = Array.from({ length: 300_001 }, (_, index) => `${100_000 + index}\n`).join("");
    expect(sink.text("stdout") === expected).toBe(true);
  });

  it("does not grow while a slow master leaves 20 MB of output unread", async () => {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let bytes = 0;
    const sink = {
      output(stream: string, text: Uint8Array) {
        if (stream === "stdout") bytes += text.length;
        return gate;
      },
      log() {},
    };
    const before = bytesRead(worker.pid);
    const running = session.run(
      "b1",
      shell("yes 0123456789abcdef012 | head -c 20000000"),
      sink,
      never,
    );
    // The program is stuck in its write once the pipes and both sockets are full.
    const taken = (await bytesReadAtRest(worker.pid)) - before;
    expect(taken).toBeGreaterThan(100_000);
    expect(taken).toBeLessThan(16_000_000);
    const grown = memoryOf(worker.pid);
    release();
    expect(await running).toMatchObject({ kind: "completed", rc: 0 });
    expect(bytes).toBe(20_000_000);
    expect(grown).toBeLessThan(250 * 1024 * 1024);
  });

  it("makes, lists, copies, looks at and removes files and directories", async () => {
    mkdirSync(build("tree", "sub", "locked"), { recursive: true });
    writeFileSync(build("tree", "one.txt"), "1");
    writeFileSync(build("tree", "sub", "two.txt"), "22");
    expect((await run({ name: "mkdir", args: { dir: "build/made/deep" } }))[0]).toMatchObject({
      rc: 0,
    });
    expect(statSync(build("made", "deep")).isDirectory()).toBe(true);
    const [, list] = await run({ name: "listdir", args: { dir: "build/tree" } });
    expect([...(list.names ?? [])].sort()).toEqual(["one.txt", "sub"]);
    const [copied] = await run({
      name: "cpdir",
      args: { fromdir: "build/tree", todir: "build/new/copy" },
    });
    expect(copied).toMatchObject({ rc: 0 });
    const [, found] = await run({ name: "glob", args: { path: "build/new/copy/**/*.txt" } });
    expect(found.names).toEqual([
      build("new", "copy", "one.txt"),
      build("new", "copy", "sub", "two.txt"),
    ]);
    const [, told] = await run({ name: "stat", args: { file: "one.txt", workdir: "build/tree" } });
    expect(told.stats).toHaveLength(10);
    expect(told.stats?.[6]).toBe(1);
    const [missing, missingSink] = await run({ name: "stat", args: { file: "build/none" } });
    expect(missing).toMatchObject({ kind: "completed", rc: 2 });
    expect(missingSink.text("header")).toContain("stat: no such file or directory: ");
    expect((await run({ name: "rmfile", args: { path: "build/tree/one.txt" } }))[0]).toMatchObject({
      rc: 0,
    });
    const dir = ["build/new", "build/made"];
    expect((await run({ name: "rmdir", args: { dir } }))[0]).toMatchObject({ rc: 0 });
    expect(existsSync(build("new")) || existsSync(build("made"))).toBe(false);
  });

  it("uploads with times, downloads with a mode, uploads a directory", async () => {
    const content = Buffer.alloc(700_000, "block of a file ");
    writeFileSync(build("up"), content);
    const calls: string[] = [];
    const blocks: Buffer[] = [];
    let modifiedAt = 0;
    const source = { workdir: "build", maxsize: null };
    const [up] = await run({
      name: "uploadFile",
      args: { ...source, workersrc: "up", blocksize: 262_144, keepstamp: true },
      writer: {
        async write(block) {
          calls.push("write");
          blocks.push(Buffer.from(block));
        },
        async close() {
          calls.push("close");
        },
        async utime(_accessTime, modifiedTime) {
          calls.push("utime");
          modifiedAt = modifiedTime;
        },
      },
    });
    expect(up).toMatchObject({ kind: "completed", rc: 0 });
    expect(calls).toEqual(["write", "write", "write", "close", "utime"]);
    expect(Buffer.concat(blocks).equals(content)).toBe(true);
    expect(Math.abs(modifiedAt - statSync(build("up")).mtimeMs / 1000)).toBeLessThan(0.001);

    let offset = 0;
    const [down] = await run({
      name: "downloadFile",
      args: {
        workdir: "build",
        workerdest: "a/down",
        maxsize: null,
        blocksize: 9_000,
        mode: 0o750,
      },
      reader: {
        async read(length) {
          const block = content.subarray(offset, offset + length);
          offset += block.length;
          return block;
        },
        async close() {},
      },
    });
    expect(down).toMatchObject({ kind: "completed", rc: 0 });
    expect(readFileSync(build("a", "down")).equals(content)).toBe(true);
    expect(statSync(build("a", "down")).mode & 0o777).toBe(0o750);

    mkdirSync(build("dir", "inner"), { recursive: true });
    writeFileSync(build("dir", "inner", "leaf"), "leaf");
    const pieces: Buffer[] = [];
    let unpacked = 0;
    const [directory] = await run({
      name: "uploadDirectory",
      args: { ...source, workersrc: "dir", blocksize: 64, compress: "gz" },
      writer: {
        async write(block) {
          pieces.push(Buffer.from(block));
        },
        async unpack() {
          unpacked++;
        },
      },
    });
    expect(directory).toMatchObject({ kind: "completed", rc: 0 });
    expect(unpacked).toBe(1);
    const names = spawnSync("tar", ["tzf", "-"], { input: Buffer.concat(pieces) }).stdout;
    expect(names.toString().split("\n")).toContain("./inner/leaf");
  });

  it("tells what it cannot upload, and ends when our end fails", async () => {
    const args = { workdir: "build", maxsize: null, blocksize: 4096, keepstamp: false } as const;
    const calls: string[] = [];
    const writer = {
      async write() {
        throw new Error("our disk is full");
      },
      async close() {
        calls.push("close");
      },
      async utime() {},
    };
    const missing = {
      name: "uploadFile",
      args: { ...args, workersrc: "nowhere" },
      writer,
    } as const;
    const [end, sink] = await run(missing);
    expect(end).toMatchObject({ kind: "completed", rc: 1 });
    expect(sink.text("stderr")).toContain("Cannot open file");
    expect(calls).toEqual(["close"]);
    writeFileSync(build("some"), "content");
    const [failed] = await run({ ...missing, args: { ...args, workersrc: "some" } });
    expect(failed).toEqual({ kind: "failed", message: "our disk is full" });
  });

  it("refuses a command it does not know, and one with wrong arguments", async () => {
    const unknown = { name: "nosuchcommand", args: {} } as unknown as Command;
    expect((await run(unknown))[0]).toEqual({
      kind: "failed",
      message: "unrecognized WorkerCommand 'nosuchcommand'",
    });
    const wrong = shell("true", { timeout: "soon" as unknown as number });
    expect((await run(wrong))[0]).toEqual({
      kind: "failed",
      message: "shell: argument 'timeout' is missing or wrong",
    });
  });

  it("serves other builders when told to, and drops the command of one that is gone", async () => {
    const pidFile = join(worker.dir, "dropped");
    const sink = new KeepingSink();
    const running = session.run(
      "b2",
      shell(`echo $$ > ${pidFile}; echo ready; sleep 1000`),
      sink,
      never,
    );
    await sink.waitFor("stdout", "ready");
    await session.serve(door.builders.slice(0, 1));
    expect(await running).toMatchObject({ kind: "lost" });
    await gone(Number(readFileSync(pidFile, "utf8")));
    await session.serve(door.builders);
    const end = await session.run("b2", shell("true"), new KeepingSink(), never);
    expect(end).toMatchObject({ rc: 0 });
  });

  it.runIf(protocolName === "pb")(
    "lets go of objects: more commands than a real master keeps",
    async () => {
      for (let count = 0; count < 1_100; count++) {
        const [end] = await run({ name: "listdir", args: { dir: "build" } });
        if (end.kind !== "completed") throw new Error(`command ${count}: ${end.message}`);
      }
      expect(await session.ping(10_000)).toBe(true);
    },
  );
});

describe.each(PROTOCOLS)("our worker's life over $name", ({ name: protocolName, protocol }) => {
  async function opened(
    options: { passwords?: Record<string, string>; worker?: Partial<SlipwayWorkerOptions> } = {},
  ) {
    const door = testDoor({ passwords: options.passwords ?? { w1: "pass" } });
    const listening = await protocol.listen(door, OPTIONS);
    const worker = await startSlipwayWorker({
      ...{ port: listening.port, protocol: protocolName, name: "w1", password: "pass" },
      ...options.worker,
    });
    return { door, listening, worker };
  }

  it("comes again after a wrong password, and after it was turned away", async () => {
    const { door, listening, worker } = await opened({ passwords: { w1: "other" } });
    try {
      expect((await door.nextRefusal()).reason).toBe("wrong-password");
      door.passwords.set("w1", ["pass"]);
      door.turnAway = "its name is in use";
      expect((await door.nextRefusal()).reason).toBe("not-admitted");
      door.turnAway = null;
      expect(await (await door.nextAttached()).session.ping(10_000)).toBe(true);
    } finally {
      await worker.stop();
      await listening.close();
    }
  });

  it("kills its commands when the master goes away, and comes back when it returns", async () => {
    const { door, listening, worker } = await opened();
    const first = await door.nextAttached();
    const sink = new KeepingSink();
    const pidFile = join(worker.dir, "pid");
    const script = shell(`echo $$ > ${pidFile}; echo ready; sleep 1000`);
    const running = first.session.run("b1", script, sink, never);
    await sink.waitFor("stdout", "ready");
    await listening.close();
    expect(await running).toMatchObject({ kind: "lost" });
    await gone(Number(readFileSync(pidFile, "utf8")));
    const again = await protocol.listen(door, { ...OPTIONS, port: listening.port });
    try {
      const { session } = await door.nextAttached();
      const end = await session.run("b1", shell("true"), new KeepingSink(), never);
      expect(end).toMatchObject({ kind: "completed", rc: 0 });
    } finally {
      await worker.stop();
      await again.close();
    }
  });

  it("drains on SIGHUP: the running build ends, then the master sends it away", async () => {
    const { door, listening, worker } = await opened({
      worker: { args: ["--allow-shutdown=signal"] },
    });
    const { session } = await door.nextAttached();
    const sink = new KeepingSink();
    const gate = join(worker.dir, "gate");
    const script = shell(`echo ready; while ! [ -e ${gate} ]; do sleep 0.02; done`);
    const running = session.run("b1", script, sink, never);
    await sink.waitFor("stdout", "ready");
    process.kill(worker.pid, "SIGHUP");
    await door.nextDrainRequest();
    writeFileSync(gate, "");
    expect(await running).toMatchObject({ kind: "completed", rc: 0 });
    await session.shutdown();
    expect(await worker.exited).toBe(0);
    await worker.stop();
    await listening.close();
  });

  it("ends when the master goes while it drains", async () => {
    const { door, listening, worker } = await opened({
      worker: { args: ["--allow-shutdown=signal"] },
    });
    await door.nextAttached();
    process.kill(worker.pid, "SIGHUP");
    await door.nextDrainRequest();
    await listening.close();
    expect(await worker.exited).toBe(0);
    await worker.stop();
  });

  it("removes directories that no builder uses, when told to", async () => {
    const { door, listening, worker } = await opened({
      worker: { args: ["--delete-leftover-dirs"] },
    });
    const { session } = await door.nextAttached();
    for (const name of ["old/deep", "info"]) {
      mkdirSync(join(worker.dir, name), { recursive: true });
    }
    await session.serve([
      { name: "b1", builddir: "b1" },
      { name: "b2", builddir: "nested/b2" },
    ]);
    const isThere = (name: string) => existsSync(join(worker.dir, name));
    expect(["old", "info", "b1", "nested/b2"].map(isThere)).toEqual([false, true, true, true]);
    // Over msgpack the master makes directories by commands, and those may name any.
    if (protocolName === "pb") {
      const outside = session.serve([{ name: "b1", builddir: "../elsewhere" }]);
      await expect(outside).rejects.toThrow("not below the worker's");
    }
    await worker.stop();
    await listening.close();
  });

  it("ends with whoever started it, and leaves nothing running", async () => {
    const { door, listening, worker } = await opened({ worker: { withChannel: true } });
    const { session } = await door.nextAttached();
    const sink = new KeepingSink();
    const pidFile = join(worker.dir, "pid");
    const script = shell(`trap '' TERM; echo $$ > ${pidFile}; echo ready; sleep 1000`);
    const running = session.run("b1", script, sink, never);
    await sink.waitFor("stdout", "ready");
    worker.process.disconnect();
    expect(await worker.exited).toBe(0);
    expect(await running).toMatchObject({ kind: "lost" });
    await gone(Number(readFileSync(pidFile, "utf8")));
    await worker.stop();
    await listening.close();
  });

  it("leaves nothing running when it is killed", async () => {
    const { door, listening, worker } = await opened();
    const { session } = await door.nextAttached();
    expect(await session.run("b1", shell("true"), new KeepingSink(), never)).toMatchObject({
      rc: 0,
    });
    const sink = new KeepingSink();
    const pids = ["one", "two"].map((name) => join(worker.dir, name));
    const script = shell(
      `trap '' TERM HUP; sleep 1000 & echo $! > ${pids[0]}; echo $$ > ${pids[1]}; echo ready; wait`,
    );
    const running = session.run("b1", script, sink, never);
    await sink.waitFor("stdout", "ready");
    process.kill(worker.pid, "SIGKILL");
    expect(await running).toMatchObject({ kind: "lost" });
    for (const path of pids) await gone(Number(readFileSync(path, "utf8")));
    await worker.stop();
    await listening.close();
  });

  it("ends after the number of attempts it was given", async () => {
    const free = await protocol.listen(testDoor({ passwords: {} }), OPTIONS);
    await free.close();
    const worker = await startSlipwayWorker({
      ...{ port: free.port, protocol: protocolName, name: "w1", password: "pass" },
      args: ["--maxretries=1", "--maxdelay=0"],
    });
    expect(await worker.exited).toBe(1);
    expect(worker.output()).toContain("out of attempts");
    await worker.stop();
  });
});

function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

/** Bytes that a process has read from whatever it reads. */
function bytesRead(pid: number): number {
  return Number(/^rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
}

/** The same, once it reads no more. */
async function bytesReadAtRest(pid: number): Promise<number> {
  for (let before = -1, now = bytesRead(pid); ; before = now, now = bytesRead(pid)) {
    if (now === before) return now;
    await setTimeout(500);
  }
}
