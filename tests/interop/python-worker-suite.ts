/**
 * Everything that a real Python worker does for a master, over whatever protocol: each command of
 * protocol §4, and the life of its connection.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Command, CommandEnd } from "../../server/domain/wire";
import type { Listening, WorkerProtocol, WorkerSession } from "../../server/protocols/contract";
import type { BuildbotWorker } from "../support/buildbot-worker";
import { startBuildbotWorker } from "../support/buildbot-worker";
import { shell } from "../support/shell-command";
import { KeepingSink, never, type TestDoor, testDoor } from "../support/worker-door";

export const OPTIONS = {
  host: "127.0.0.1",
  port: 0,
  loginTimeoutMs: 30_000,
};

export interface PythonWorker {
  readonly protocol: WorkerProtocol;
  /** Options of `create-worker` that make it speak the protocol. */
  readonly args: readonly string[];
}

export function pythonWorkerCommands({ protocol, args: speaking }: PythonWorker): void {
  describe("commands", () => commands(protocol, speaking));
}

function commands(protocol: WorkerProtocol, speaking: readonly string[]): void {
  let door: TestDoor;
  let listening: Listening;
  let worker: BuildbotWorker;
  let session: WorkerSession;

  beforeAll(async () => {
    door = testDoor({
      passwords: { w1: "pass" },
      builders: ["b1", "b2", "b3"].map((name) => ({ name, builddir: name })),
    });
    listening = await protocol.listen(door, OPTIONS);
    worker = await startBuildbotWorker({
      host: "127.0.0.1",
      port: listening.port,
      name: "w1",
      password: "pass",
      args: speaking,
      env: { FROM_WORKER: "inherited" },
    });
    ({ session } = await door.nextAttached());
  }, 30_000);

  afterAll(async () => {
    await worker?.stop();
    await listening?.close();
  });

  async function run(command: Command, stop = never): Promise<[CommandEnd, KeepingSink]> {
    const sink = new KeepingSink();
    return [await session.run("b1", command, sink, stop), sink];
  }

  const build = (...path: string[]) => join(worker.dir, "b1", "build", ...path);

  it("tells what it is", async () => {
    writeFileSync(join(worker.dir, "info", "access_uri"), "ssh://somewhere\n");
    const facts = await session.describe();
    expect(facts).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+/),
      system: "posix",
      basedir: worker.dir,
      numcpus: expect.any(Number),
      workerCommands: { shell: "3.1", uploadFile: "3.1" },
      environ: { FROM_WORKER: "inherited" },
    });
    expect(facts.info).toMatchObject({
      access_uri: "ssh://somewhere\n",
      os_id: "debian",
      host: expect.any(String),
      admin: expect.any(String),
    });
  });

  it("runs a command line and an argument list, and hides what is obfuscated", async () => {
    const [end, sink] = await run(shell("echo one; exit 3"));
    expect(end).toMatchObject({ kind: "completed", rc: 3, failureReason: null });
    expect(end.kind === "completed" && end.elapsedSeconds).toBeGreaterThan(0);
    expect(sink.text("stdout")).toBe("one\n");
    expect(sink.text("header")).toContain("echo one; exit 3");
    const [hidden, hiddenSink] = await run(
      shell(["echo", { real: "s3cret", shown: "XXXX" }], { logEnviron: true }),
    );
    expect(hidden).toMatchObject({ rc: 0 });
    expect(hiddenSink.text("stdout")).toBe("s3cret\n");
    expect(hiddenSink.text("header")).not.toContain("s3cret");
    expect(hiddenSink.text("header")).toContain("FROM_WORKER=inherited");
  });

  it("gives standard input and environment", async () => {
    const [end, sink] = await run(
      shell('cat; echo "$ADDED/$REMOVED/$MADE"', {
        initial_stdin: "été\n",
        env: { ADDED: "a", FROM_WORKER: null, MADE: ["x", "$" + "{HOME}"] },
      }),
    );
    expect(end).toMatchObject({ rc: 0 });
    expect(sink.text("stdout")).toBe(`été\na//x:${worker.dir}\n`);
  });

  it("follows a log file", async () => {
    const [end, sink] = await run(
      shell("echo logged > test.log; echo out", {
        logfiles: { test: "test.log", other: { filename: "none.log", follow: true } },
      }),
    );
    expect(end).toMatchObject({ rc: 0 });
    expect(sink.text("log:test")).toBe("logged\n");
    expect(sink.text("stdout")).toBe("out\n");
  });

  it("keeps streams that are not wanted", async () => {
    const [, sink] = await run(shell("echo a; echo b >&2", { want_stdout: false }));
    expect(sink.text("stdout")).toBe("");
    expect(sink.text("stderr")).toBe("b\n");
  });

  it("kills a command that is silent too long, or takes too long", async () => {
    const [silent, silentSink] = await run(shell(["sleep", "60"], { timeout: 1 }));
    expect(silent).toMatchObject({ kind: "completed", rc: -1 });
    expect(silentSink.text("header")).toContain("1 seconds without output");
    const [long, longSink] = await run(shell(["sleep", "60"], { maxTime: 1 }));
    expect(long).toMatchObject({ kind: "completed", rc: -1 });
    expect(longSink.text("header")).toContain("1 seconds elapsed");
  });

  it("interrupts, giving the command a chance first when asked to", async () => {
    const stop = new AbortController();
    const sink = new KeepingSink();
    const gate = join(worker.dir, "trapped");
    const running = session.run(
      "b1",
      shell(`trap 'echo asked; exit 7' TERM; touch ${gate}; while :; do sleep 0.05; done`, {
        sigtermTime: 10,
      }),
      sink,
      stop.signal,
    );
    while (!existsSync(gate)) await session.ping(10_000);
    stop.abort("enough");
    expect(await running).toMatchObject({ kind: "completed", rc: 7 });
    expect(sink.text("stdout")).toContain("asked\n");
  });

  it("passes bad UTF-8, long lines and an unfinished line on", async () => {
    writeFileSync(build("bad"), Buffer.from([0x61, 0xff, 0xfe, 0x62, 0x0a]));
    const [, bad] = await run(shell("cat bad"));
    expect(bad.text("stdout")).toBe("a\ufffd\ufffdb\n");
    const [, unfinished] = await run(shell("echo line; printf end"));
    expect(unfinished.text("stdout")).toBe("line\nend\n");
    const [, utf8] = await run(shell("printf '\\342\\202'; sleep 0.1; printf '\\254\\n'"));
    expect(utf8.bytes("stdout").toString("hex")).toBe("e282ac0a");
  });

  it("streams a long log completely and in order", async () => {
    const [end, sink] = await run(shell("seq 100000 400000"));
    expect(end).toMatchObject({ rc: 0 });
    const numbers = sink.text("stdout").split("\n");
    expect(numbers).toHaveLength(300_002);
    expect(numbers[150_000]).toBe("250000");
  });

  it("makes, lists, copies, looks at and removes files and directories", async () => {
    mkdirSync(build("tree", "sub"), { recursive: true });
    writeFileSync(build("tree", "file"), "12345");
    expect((await run({ name: "mkdir", args: { dir: "build/made/deep" } }))[0]).toMatchObject({
      rc: 0,
    });
    expect(statSync(build("made", "deep")).isDirectory()).toBe(true);

    const [, listed] = await run({ name: "listdir", args: { dir: "build/tree" } });
    expect([...(listed.names ?? [])].sort()).toEqual(["file", "sub"]);
    const [, globbed] = await run({ name: "glob", args: { path: "build/tree/f*" } });
    expect(globbed.names).toEqual([build("tree", "file")]);

    const [, looked] = await run({ name: "stat", args: { file: "tree/file", workdir: "build" } });
    const real = statSync(build("tree", "file"));
    expect(looked.stats?.slice(0, 2)).toEqual([real.mode, real.ino]);
    expect(looked.stats?.[6]).toBe(5);

    const copy: Command = {
      name: "cpdir",
      args: { fromdir: "build/tree", todir: "build/copy", logEnviron: false },
    };
    expect((await run(copy))[0]).toMatchObject({ rc: 0 });
    expect(readFileSync(build("copy", "file"), "utf8")).toBe("12345");

    expect((await run({ name: "rmfile", args: { path: "build/copy/file" } }))[0]).toMatchObject({
      rc: 0,
    });
    expect(existsSync(build("copy", "file"))).toBe(false);
    const remove: Command = {
      name: "rmdir",
      args: { dir: ["build/copy", "build/made"], logEnviron: false },
    };
    expect((await run(remove))[0]).toMatchObject({ rc: 0 });
    expect(existsSync(build("copy")) || existsSync(build("made"))).toBe(false);
    const [missing] = await run({ name: "stat", args: { file: "build/none" } });
    expect(missing).toMatchObject({ kind: "completed", rc: 2 });
  });

  it("uploads with times, downloads with a mode, uploads a directory", async () => {
    const content = Buffer.alloc(700_000, "block of a file ");
    writeFileSync(build("up"), content);
    const calls: string[] = [];
    const blocks: Buffer[] = [];
    let times: number[] = [];
    const [up] = await run({
      name: "uploadFile",
      args: {
        workdir: "build",
        workersrc: "up",
        maxsize: null,
        blocksize: 262_144,
        keepstamp: true,
      },
      writer: {
        async write(block) {
          calls.push("write");
          blocks.push(Buffer.from(block));
        },
        async close() {
          calls.push("close");
        },
        async utime(accessTime, modifiedTime) {
          calls.push("utime");
          times = [accessTime, modifiedTime];
        },
      },
    });
    expect(up).toMatchObject({ kind: "completed", rc: 0 });
    expect(calls).toEqual(["write", "write", "write", "close", "utime"]);
    expect(Buffer.concat(blocks).equals(content)).toBe(true);
    expect(Math.abs((times[1] ?? 0) - statSync(build("up")).mtimeMs / 1000)).toBeLessThan(0.001);

    let offset = 0;
    const [down] = await run({
      name: "downloadFile",
      args: {
        workdir: "build",
        workerdest: "new/down",
        maxsize: null,
        blocksize: 100_000,
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
    expect(readFileSync(build("new/down")).equals(content)).toBe(true);
    expect(statSync(build("new/down")).mode & 0o777).toBe(0o750);

    mkdirSync(build("dir", "inner"), { recursive: true });
    writeFileSync(build("dir", "inner", "leaf"), "leaf");
    const pieces: Buffer[] = [];
    let unpacked = 0;
    const [directory] = await run({
      name: "uploadDirectory",
      args: {
        workdir: "build",
        workersrc: "dir",
        maxsize: null,
        blocksize: 16_384,
        compress: "gz",
      },
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
    expect(names.toString()).toContain("inner/leaf");
  });

  it("tells that a file to upload is missing, and that ours cannot be written or read", async () => {
    const args = {
      workdir: "build",
      maxsize: null,
      blocksize: 4096,
      keepstamp: false,
    } as const;
    const calls: string[] = [];
    const [missing, sink] = await run({
      name: "uploadFile",
      args: { ...args, workersrc: "nowhere" },
      writer: {
        async write() {
          calls.push("write");
        },
        async close() {
          calls.push("close");
        },
        async utime() {},
      },
    });
    expect(missing).toMatchObject({ kind: "completed", rc: 1 });
    expect(sink.text("stderr")).toContain("Cannot open file");
    expect(calls).toEqual(["close"]);

    writeFileSync(build("some"), "content");
    const [failed] = await run({
      name: "uploadFile",
      args: { ...args, workersrc: "some" },
      writer: {
        async write() {
          throw new Error("our disk is full");
        },
        async close() {},
        async utime() {},
      },
    });
    expect(failed).toEqual({ kind: "failed", message: "our disk is full" });
    const [unread] = await run({
      name: "downloadFile",
      args: { workdir: "build", workerdest: "x", maxsize: null, blocksize: 4096, mode: null },
      reader: {
        async read() {
          throw new Error("our file is gone");
        },
        async close() {},
      },
    });
    expect(unread).toEqual({ kind: "failed", message: "our file is gone" });
  });

  it("refuses a command it does not know, and one with missing arguments", async () => {
    const unknown = { name: "nosuchcommand", args: {} } as unknown as Command;
    expect((await run(unknown))[0]).toEqual({
      kind: "failed",
      message: "unrecognized WorkerCommand 'nosuchcommand'",
    });
    const incomplete = { name: "shell", args: { command: ["true"] } } as unknown as Command;
    expect((await run(incomplete))[0].kind).toBe("failed");
    expect((await run(shell("true")))[0]).toMatchObject({ rc: 0 });
  });

  it("runs three commands side by side", async () => {
    const sinks = ["b1", "b2", "b3"].map((name) => ({ name, sink: new KeepingSink() }));
    // Each waits for the others' files, so they end only if they run at the same time.
    const script =
      "touch $ME; while ! [ -e ../../$A -a -e ../../$B ]; do sleep 0.02; done; echo $ME";
    const ends = await Promise.all(
      sinks.map(({ name, sink }, index) => {
        const [a, b] = ["b1", "b2", "b3"].filter((_, other) => other !== index);
        const env = { ME: `../../par-${name}`, A: `par-${a}`, B: `par-${b}` };
        return session.run(name, shell(script, { env }), sink, never);
      }),
    );
    expect(ends.map((end) => end.kind === "completed" && end.rc)).toEqual([0, 0, 0]);
    expect(sinks.map(({ sink }) => sink.text("stdout").trim())).toEqual([
      "../../par-b1",
      "../../par-b2",
      "../../par-b3",
    ]);
  });

  it("loses the command of a builder that it no longer serves", async () => {
    const running = session.run("b3", shell(["sleep", "60"]), new KeepingSink(), never);
    await session.ping(10_000);
    await session.serve(door.builders.slice(0, 2));
    expect(await running).toMatchObject({ kind: "lost" });
    await session.serve(door.builders);
    const end = await session.run("b3", shell("true"), new KeepingSink(), never);
    expect(end).toMatchObject({ rc: 0 });
  });
}

export function pythonWorkerLife({ protocol, args }: PythonWorker): void {
  it("comes again after a wrong password, until it is right", async () => {
    const door = testDoor({ passwords: { w1: "other" } });
    const listening = await protocol.listen(door, OPTIONS);
    const worker = await startBuildbotWorker({
      host: "127.0.0.1",
      port: listening.port,
      name: "w1",
      password: "pass",
      args,
    });
    try {
      expect((await door.nextRefusal()).reason).toBe("wrong-password");
      door.passwords.set("w1", ["pass"]);
      const { session } = await door.nextAttached();
      expect(await session.ping(10_000)).toBe(true);
    } finally {
      await worker.stop();
      await listening.close();
    }
  }, 60_000);

  it.each([
    ["w\u00f6rker-\u4e2d", "pass"],
    // The second organisation's.
    ["two/example-worker", "pass"],
    ["w1", "p\u00e4:\u00df \"'\\ %(x)s $HOME \u{1f511}"],
  ])(
    "logs in as %j with the password %j",
    async (name, password) => {
      const door = testDoor({ passwords: { [name]: password } });
      const listening = await protocol.listen(door, OPTIONS);
      const { port } = listening;
      const worker = await startBuildbotWorker({ host: "127.0.0.1", port, name, password, args });
      try {
        const { session } = await door.nextAttached();
        expect(session.hello.loginName).toBe(name);
        expect(await session.ping(10_000)).toBe(true);
        expect(door.refusals).toEqual([]);
      } finally {
        await worker.stop();
        await listening.close();
      }
    },
    60_000,
  );

  it("comes again after the fleet turned it away", async () => {
    const door = testDoor({ passwords: { w1: "pass" } });
    door.turnAway = "its name is in use";
    const listening = await protocol.listen(door, OPTIONS);
    const worker = await startBuildbotWorker({
      host: "127.0.0.1",
      port: listening.port,
      name: "w1",
      password: "pass",
      args,
    });
    try {
      expect((await door.nextRefusal()).reason).toBe("not-admitted");
      door.turnAway = null;
      await door.nextAttached();
    } finally {
      await worker.stop();
      await listening.close();
    }
  }, 60_000);

  it("is missed when it is frozen and answers no keepalive, and comes again", async () => {
    const door = testDoor({ passwords: { w1: "pass" } });
    const listening = await protocol.listen(door, OPTIONS);
    const { port } = listening;
    const login = { name: "w1", password: "pass" };
    const worker = await startBuildbotWorker({ host: "127.0.0.1", port, ...login, args });
    try {
      const { session } = await door.nextAttached();
      const running = session.run("b1", shell("sleep 30"), new KeepingSink(), never);
      expect(await session.ping(10_000)).toBe(true);
      worker.signal("SIGSTOP");
      // Its kernel still acknowledges: only a question that it answers itself finds out.
      session.keepAliveEvery(1);
      expect((await session.closed).code).toBe("timeout");
      expect(await running).toMatchObject({ kind: "lost" });
      worker.signal("SIGCONT");
      expect(await (await door.nextAttached()).session.ping(10_000)).toBe(true);
    } finally {
      worker.signal("SIGCONT");
      await worker.stop();
      await listening.close();
    }
  }, 60_000);

  it("is lost with its command when it is killed", async () => {
    const door = testDoor({ passwords: { w1: "pass" } });
    const listening = await protocol.listen(door, OPTIONS);
    const worker = await startBuildbotWorker({
      host: "127.0.0.1",
      port: listening.port,
      name: "w1",
      password: "pass",
      args,
    });
    try {
      const { session } = await door.nextAttached();
      const gate = join(worker.dir, "running");
      const running = session.run(
        "b1",
        shell(`touch ${gate}; exec sleep 30`),
        new KeepingSink(),
        never,
      );
      while (!existsSync(gate)) await session.ping(10_000);
      await worker.kill();
      expect(await running).toMatchObject({ kind: "lost" });
    } finally {
      await worker.stop();
      await listening.close();
    }
  }, 60_000);
}
