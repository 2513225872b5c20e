/**
 * What every worker protocol keeps, whatever its wire (server/protocols/contract.ts).
 *
 * A protocol joins by a harness that starts workers of its kind; commands are those of a POSIX shell.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CommandSink } from "../../../server/domain/wire";
import type { Listening, WorkerProtocol } from "../../../server/protocols/contract";
import { LoginRefused, SessionLost } from "../../../server/protocols/contract";
import { shell } from "../../support/shell-command";
import { KeepingSink, never, type TestDoor, testDoor } from "../../support/worker-door";

export interface ConformanceWorker {
  /** The worker's process ends without a goodbye. */
  die(): Promise<void>;
  /** Ends the worker, if it is still there, and removes what it left. */
  stop(): Promise<void>;
}

export interface ConformanceHarness {
  readonly protocol: WorkerProtocol;
  /** Starts a worker; resolves before or after it is attached, or refused. */
  start(port: number, name: string, password: string): Promise<ConformanceWorker>;
}

export function protocolConformance(createHarness: () => ConformanceHarness): void {
  let harness: ConformanceHarness;
  let door: TestDoor;
  let listening: Listening;
  let workers: ConformanceWorker[];

  beforeEach(async () => {
    harness = createHarness();
    workers = [];
    door = testDoor({
      passwords: { w1: "pass", w2: ["new", "old"] },
      builders: ["b1", "b2", "b3"].map((name) => ({ name, builddir: name })),
    });
    listening = await harness.protocol.listen(door, {
      host: "127.0.0.1",
      port: 0,
      loginTimeoutMs: 30_000,
    });
  });

  afterEach(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await listening.close();
  });

  async function start(name = "w1", password = "pass"): Promise<ConformanceWorker> {
    const worker = await harness.start(listening.port, name, password);
    workers.push(worker);
    return worker;
  }

  async function attach() {
    const worker = await start();
    return { worker, ...(await door.nextAttached()) };
  }

  describe("logging in", () => {
    it("admits the right password and describes the worker", async () => {
      const { session, facts } = await attach();
      expect(session.hello).toMatchObject({
        loginName: "w1",
        protocol: harness.protocol.name,
        peer: { address: "127.0.0.1" },
      });
      expect(facts.version).not.toBe("");
      expect(facts.system).toBe("posix");
      expect(facts.basedir).toMatch(/^\//);
      expect(facts.workerCommands.shell).toBeDefined();
      expect(session.lastHeardAt).toBeGreaterThan(0);
      expect(door.refusals).toEqual([]);
    });

    it("takes either password while one is being rotated", async () => {
      await start("w2", "old");
      expect((await door.nextAttached()).session.hello.loginName).toBe("w2");
    });

    it("refuses a wrong password and an unknown name, and says which to the door only", async () => {
      await start("w1", "wrong");
      expect(await door.nextRefusal()).toMatchObject({ reason: "wrong-password", loginName: "w1" });
      await start("nobody", "pass");
      // The first worker may have come again meanwhile.
      let refusal = await door.nextRefusal();
      while (refusal.loginName === "w1") refusal = await door.nextRefusal();
      expect(refusal).toMatchObject({ reason: "unknown-name", loginName: "nobody" });
    });

    it("refuses a login that is not to be looked at, for the reason given", async () => {
      door.credentials = async () => {
        throw new LoginRefused("address-not-allowed", "not from here");
      };
      await start();
      expect(await door.nextRefusal()).toMatchObject({
        ...{ reason: "address-not-allowed", loginName: "w1", detail: "not from here" },
      });
    });

    it("turns a worker away when the fleet does not admit it", async () => {
      door.turnAway = "its name is in use";
      await start();
      expect(await door.nextRefusal()).toMatchObject({
        reason: "not-admitted",
        detail: "its name is in use",
      });
    });
  });

  describe("commands", () => {
    it("runs a command and tells its output and its end", async () => {
      const { session } = await attach();
      const sink = new KeepingSink();
      const end = await session.run("b1", shell(["echo", "hi"]), sink, never);
      expect(end).toMatchObject({ kind: "completed", rc: 0, failureReason: null });
      expect(sink.text("stdout")).toBe("hi\n");
      expect(sink.text("stderr")).toBe("");
    });

    it("tells an exit status, and stderr apart from stdout", async () => {
      const { session } = await attach();
      const sink = new KeepingSink();
      const end = await session.run("b1", shell("echo oops >&2; exit 3"), sink, never);
      expect(end).toMatchObject({ kind: "completed", rc: 3 });
      expect(sink.text("stderr")).toBe("oops\n");
    });

    it("interrupts a command, which still ends by itself", async () => {
      const { session } = await attach();
      const stop = new AbortController();
      const sink = new KeepingSink();
      const running = session.run("b1", shell(["sleep", "60"]), sink, stop.signal);
      // A round trip, so that the worker has started it.
      await session.ping(10_000);
      stop.abort("not needed any more");
      expect(await running).toMatchObject({ kind: "completed", rc: -1 });
      const next = await session.run("b1", shell(["true"]), new KeepingSink(), never);
      expect(next).toMatchObject({ kind: "completed", rc: 0 });
    });

    it("does not start what is interrupted already", async () => {
      const { session } = await attach();
      const end = await session.run(
        "b1",
        shell(["touch", "started"]),
        new KeepingSink(),
        AbortSignal.abort("too late"),
      );
      expect(end).toMatchObject({ kind: "completed", rc: -1 });
      const sink = new KeepingSink();
      await session.run("b1", shell("ls"), sink, never);
      expect(sink.text("stdout")).toBe("");
    });

    it("runs one command at a time for a builder, and builders side by side", async () => {
      const { session } = await attach();
      const stop = new AbortController();
      const sleeping = session.run("b1", shell(["sleep", "60"]), new KeepingSink(), stop.signal);
      const second = await session.run("b1", shell(["true"]), new KeepingSink(), never);
      expect(second).toMatchObject({ kind: "failed" });
      const others = ["b2", "b3"].map(async (builder) => {
        const sink = new KeepingSink();
        const end = await session.run(builder, shell(["echo", builder]), sink, never);
        return [end.kind, sink.text("stdout")];
      });
      expect(await Promise.all(others)).toEqual([
        ["completed", "b2\n"],
        ["completed", "b3\n"],
      ]);
      stop.abort();
      expect(await sleeping).toMatchObject({ rc: -1 });
    });

    it("fails a command of a builder that is not served", async () => {
      const { session } = await attach();
      const end = await session.run("b9", shell(["true"]), new KeepingSink(), never);
      expect(end.kind).toBe("failed");
    });

    it("serves another list of builders", async () => {
      const { session } = await attach();
      await session.serve([
        { name: "b2", builddir: "b2" },
        { name: "b4", builddir: "dir-of-b4" },
      ]);
      const sink = new KeepingSink();
      const ends = await Promise.all(
        ["b1", "b2", "b4"].map((builder) => session.run(builder, shell("pwd"), sink, never)),
      );
      expect(ends.map((end) => end.kind)).toEqual(["failed", "completed", "completed"]);
      expect(sink.text("stdout")).toContain("dir-of-b4/build\n");
    });

    it("waits for a slow sink, one piece after the other", async () => {
      const { session } = await attach();
      const waiting = { now: 0, most: 0, calls: 0, bytes: 0 };
      const slow: CommandSink = {
        async output(stream, text) {
          if (stream === "stdout") waiting.bytes += text.length;
          waiting.calls++;
          waiting.most = Math.max(waiting.most, ++waiting.now);
          for (let turn = 0; turn < 20; turn++) {
            await new Promise((resolve) => setImmediate(resolve));
          }
          waiting.now--;
        },
        log() {},
      };
      const end = await session.run("b1", shell("seq 100000 300000"), slow, never);
      expect(end).toMatchObject({ kind: "completed", rc: 0 });
      expect(waiting.bytes).toBe(200_001 * 7);
      expect(waiting.calls).toBeGreaterThan(1);
      expect(waiting).toMatchObject({ most: 1, now: 0 });
    });
  });

  describe("files", () => {
    it("uploads and downloads in blocks", async () => {
      const { session } = await attach();
      const content = Buffer.from(Array.from({ length: 10_000 }, (_, index) => index % 251));
      let offset = 0;
      let isClosed = false;
      const down = await session.run(
        "b1",
        {
          name: "downloadFile",
          args: { workdir: "build", workerdest: "x", maxsize: null, blocksize: 4096, mode: null },
          reader: {
            async read(length) {
              const block = content.subarray(offset, offset + length);
              offset += block.length;
              return block;
            },
            async close() {
              isClosed = true;
            },
          },
        },
        new KeepingSink(),
        never,
      );
      expect(down).toMatchObject({ kind: "completed", rc: 0 });
      expect(isClosed).toBe(true);

      const blocks: Buffer[] = [];
      const calls: string[] = [];
      const up = await session.run(
        "b1",
        {
          name: "uploadFile",
          args: {
            workdir: "build",
            workersrc: "x",
            maxsize: null,
            blocksize: 4096,
            keepstamp: false,
          },
          writer: {
            async write(block) {
              blocks.push(Buffer.from(block));
              calls.push("write");
            },
            async close() {
              calls.push("close");
            },
            async utime() {
              calls.push("utime");
            },
          },
        },
        new KeepingSink(),
        never,
      );
      expect(up).toMatchObject({ kind: "completed", rc: 0 });
      expect(Buffer.concat(blocks).equals(content)).toBe(true);
      expect(calls).toEqual(["write", "write", "write", "close"]);
    });
  });

  describe("the end of a session", () => {
    it("answers pings while it lasts, and loses what runs when the worker dies", async () => {
      const { session, worker } = await attach();
      expect(await session.ping(10_000)).toBe(true);
      const running = session.run("b1", shell(["sleep", "60"]), new KeepingSink(), never);
      await session.ping(10_000);
      await worker.die();
      expect(await running).toMatchObject({ kind: "lost" });
      expect((await session.closed).code).toMatch(/^peer-/);
      expect(await session.ping(10_000)).toBe(false);
      expect(await session.run("b1", shell("true"), new KeepingSink(), never)).toMatchObject({
        kind: "lost",
      });
      await expect(session.describe()).rejects.toThrow(SessionLost);
      await expect(session.serve([])).rejects.toThrow(SessionLost);
    });

    it("asks the worker to exit", async () => {
      const { session } = await attach();
      await session.shutdown();
      expect((await session.closed).code).toBe("peer-closed");
    });

    it("drops a worker for a reason, the first one given", async () => {
      const { session } = await attach();
      const running = session.run("b1", shell(["sleep", "60"]), new KeepingSink(), never);
      session.close({ code: "dropped-by-us", message: "a newer session took over" });
      session.close({ code: "timeout", message: "never told" });
      expect(await session.closed).toEqual({
        code: "dropped-by-us",
        message: "a newer session took over",
      });
      expect(await running).toMatchObject({ kind: "lost" });
    });

    it("drops everybody when it stops listening", async () => {
      const { session } = await attach();
      await listening.close();
      expect((await session.closed).code).toBe("shutting-down");
    });
  });
}
