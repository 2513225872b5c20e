import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
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

  it("refuses wrong arguments by their names", async () => {
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
