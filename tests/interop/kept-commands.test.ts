// Guarantee: our own worker keeps a command with a key and all it says through lost connections, over both
// protocols, within its bounds; and it says so when it cannot, so that nobody takes a part for the whole.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Command, CommandEnd, Found } from "../../server/domain/wire";
import type { CloseReason, Listening, WorkerSession } from "../../server/protocols/contract";
import { msgpackProtocol } from "../../server/protocols/msgpack";
import { pbProtocol } from "../../server/protocols/pb";
import { shell } from "../support/shell-command";
import { type SlipwayWorker, startSlipwayWorker } from "../support/slipway-worker";
import { KeepingSink, never, type TestDoor, testDoor } from "../support/worker-door";

const OPTIONS = { host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 };
const CUT: CloseReason = { code: "peer-reset", message: "cut by the test" };
const KEPT_BYTES = 400_000;
const PROTOCOLS = [
  { name: "pb", protocol: pbProtocol },
  { name: "msgpack", protocol: msgpackProtocol },
] as const;

describe.each(PROTOCOLS)("commands that our worker keeps, over $name", ({ name, protocol }) => {
  let door: TestDoor;
  let listening: Listening;
  let worker: SlipwayWorker;
  let session: WorkerSession;
  let steps = 0;

  beforeAll(async () => {
    door = testDoor({
      passwords: { w1: "pass" },
      builders: ["b1", "b2"].map((builder) => ({ name: builder, builddir: builder })),
    });
    listening = await protocol.listen(door, OPTIONS);
    worker = await startSlipwayWorker({
      ...{ port: listening.port, protocol: name, name: "w1", password: "pass" },
      args: [`--kept-output=${KEPT_BYTES}`],
    });
    ({ session } = await door.nextAttached());
  });

  afterAll(async () => {
    await worker?.stop();
    await listening?.close();
  });

  const newStep = () => `1@0/${++steps}`;

  interface Running {
    readonly sink: KeepingSink;
    readonly end: Promise<CommandEnd>;
    readonly found: Promise<Found>;
  }

  function run(
    step: string,
    command: Command,
    { ordinal = 0, builder = "b1", stop = never } = {},
  ): Running {
    const sink = new KeepingSink();
    let tell: (found: Found) => void = () => {};
    const found = new Promise<Found>((resolve) => {
      tell = resolve;
    });
    const keep = { key: { step, ordinal }, found: tell };
    return { sink, found, end: session.run(builder, command, sink, stop, keep) };
  }

  async function cut(): Promise<void> {
    session.close(CUT);
    await session.closed;
  }

  async function comeBack(): Promise<void> {
    ({ session } = await door.nextAttached());
  }

  /** In order, streams apart from one another. */
  const said = ({ sink }: Running) =>
    ["header", "stdout", "stderr"].map((stream) => sink.text(stream));

  it("says that it can, and who it is", async () => {
    const { keeps } = await session.describe();
    expect(keeps).toMatch(/^[0-9a-f-]{36}$/);
    await cut();
    await comeBack();
    expect((await session.describe()).keeps).toBe(keeps);
  });

  it("goes on while nobody listens, and says all of it to whoever comes back", async () => {
    const step = newStep();
    const command = shell(
      "echo one; echo two >&2; until [ -e go ]; do sleep 0.02; done; seq 3 2000",
    );
    const first = run(step, command);
    expect(await first.found).toBe("new");
    await first.sink.waitFor("stderr", "two");
    await cut();
    expect(await first.end).toMatchObject({ kind: "lost" });
    await comeBack();
    const second = run(step, command);
    expect(await second.found).toBe("running");
    await second.sink.waitFor("stderr", "two");
    await cut();
    await comeBack();
    const third = run(step, command);
    await third.sink.waitFor("stdout", "one");
    expect(
      await session.run("b2", shell("touch ../../b1/build/go"), new KeepingSink(), never),
    ).toMatchObject({ rc: 0 });
    expect(await third.end).toMatchObject({ kind: "completed", rc: 0 });
    const numbers = Array.from({ length: 1_998 }, (_, index) => `${index + 3}\n`).join("");
    expect(third.sink.text("stdout")).toBe(`one\n${numbers}`);
    expect(third.sink.text("stderr")).toBe("two\n");
    // Once more, now that it has ended.
    const fourth = run(step, command);
    expect(await fourth.found).toBe("ended");
    expect(await fourth.end).toEqual(await third.end);
    expect(said(fourth)).toEqual(said(third));
  });

  it("interrupts a command that was begun over another connection", async () => {
    const step = newStep();
    const command = shell("echo begun; sleep 600");
    await run(step, command).sink.waitFor("stdout", "begun");
    await cut();
    await comeBack();
    const stop = new AbortController();
    const again = run(step, command, { stop: stop.signal });
    expect(await again.found).toBe("running");
    stop.abort("enough");
    expect(await again.end).toMatchObject({ kind: "completed", rc: -1 });
    expect(again.sink.text("header")).toContain("attempting to kill");
  });

  it("waits with its output at the bound while nobody listens, and loses nothing", async () => {
    const step = newStep();
    const command = shell(
      "until [ -e full ]; do sleep 0.02; done; rm full; seq 1 200000; echo end",
    );
    const first = run(step, command);
    await first.found;
    await cut();
    await comeBack();
    await session.run("b2", shell("touch ../../b1/build/full"), new KeepingSink(), never);
    await cut();
    // It writes 1.3 MB meanwhile, or would.
    await comeBack();
    const again = run(step, command);
    expect(await again.end).toMatchObject({ kind: "completed", rc: 0 });
    const lines = again.sink.text("stdout").trimEnd().split("\n");
    expect(lines.length).toBe(200_001);
    expect(lines.slice(0, -1).every((line, index) => line === String(index + 1))).toBe(true);
    // Heard live beyond the bound it cannot be said again, and says so.
    const late = run(step, command);
    expect(await late.end).toMatchObject({ kind: "lost" });
    expect((await late.end) as { message: string }).toMatchObject({
      message: `it said more than the ${KEPT_BYTES} bytes that are kept`,
    });
  });

  it("ends what is kept for builders that nobody wants, and takes another command for none", async () => {
    const step = newStep();
    const command = shell("echo $$; exec sleep 600");
    const first = run(step, command);
    await first.sink.waitFor("stdout", "\n");
    const pid = Number(first.sink.text("stdout"));
    await cut();
    await comeBack();
    const other = run(step, shell("echo something else"));
    expect(await other.end).toMatchObject({
      kind: "lost",
      message: "the step asks for another command now",
    });
    expect(isAlive(pid)).toBe(true);
    session.keepOnly(["b2"]);
    while (isAlive(pid)) await setTimeout(20);
    const anew = run(step, command, { stop: AbortSignal.timeout(200) });
    expect(await anew.found).toBe("new");
    expect(await anew.end).toMatchObject({ rc: -1 });
  });

  it("forgets a step when another one's command comes", async () => {
    const step = newStep();
    const command = shell("echo once");
    await run(step, command).end;
    await run(newStep(), shell("true")).end;
    const again = run(step, command);
    expect(await again.found).toBe("new");
    expect((await again.end).kind).toBe("completed");
  });

  it("runs a transfer again that had not ended, and no other", async () => {
    const step = newStep();
    let reads = 0;
    let isStuck = true;
    const download: Command = {
      name: "downloadFile",
      args: { workdir: "build", workerdest: "file", maxsize: null, blocksize: 4, mode: null },
      reader: {
        async read() {
          reads += 1;
          if (isStuck && reads === 2) await session.closed;
          return Buffer.from(reads % 4 === 0 ? "" : "data");
        },
        close: async () => {},
      },
    };
    const first = run(step, download);
    while (reads < 2) await setTimeout(10);
    await cut();
    expect((await first.end).kind).toBe("lost");
    isStuck = false;
    reads = 0;
    await comeBack();
    const second = run(step, download);
    expect(await second.found).toBe("new");
    expect(await second.end).toMatchObject({ kind: "completed", rc: 0 });
    expect(readFileSync(join(worker.dir, "b1", "build", "file"), "utf8")).toBe("datadatadata");
    await cut();
    await comeBack();
    const third = run(step, download);
    expect(await third.found).toBe("ended");
    expect(await third.end).toMatchObject({ kind: "completed", rc: 0 });
    expect(reads).toBe(4);
  });

  it("kills what has no key when the connection is lost, and leaves no file behind", async () => {
    const sink = new KeepingSink();
    void session.run("b1", shell("echo $$; exec sleep 600"), sink, never);
    await sink.waitFor("stdout", "\n");
    await cut();
    await comeBack();
    while (isAlive(Number(sink.text("stdout")))) await setTimeout(20);
    expect(readdirSync(worker.dir).filter((file) => file.includes("kept"))).toEqual([]);
  });

  it("says goodbye for good when it is stopped", async () => {
    const first = run(newStep(), shell("echo begun; sleep 600"));
    await first.sink.waitFor("stdout", "begun");
    const { closed } = session;
    await worker.stop();
    expect(await closed).toMatchObject({ code: "worker-left" });
  });
});

describe.each(PROTOCOLS)("our worker without a connection, over $name", ({ name, protocol }) => {
  async function begun(args: readonly string[]) {
    const door = testDoor({ passwords: { w1: "pass" } });
    const listening = await protocol.listen(door, OPTIONS);
    const worker = await startSlipwayWorker({
      ...{ port: listening.port, protocol: name, name: "w1", password: "pass", args },
    });
    const { session } = await door.nextAttached();
    const sink = new KeepingSink();
    const keep = { key: { step: "1@0/1", ordinal: 0 } };
    const end = session.run("b1", shell("echo $$; exec sleep 600"), sink, never, keep);
    await sink.waitFor("stdout", "\n");
    door.turnAway = "not now";
    session.close(CUT);
    await end;
    const close = async () => {
      await worker.stop();
      await listening.close();
    };
    return { door, worker, pid: Number(sink.text("stdout")), close };
  }

  it("gives up what runs when nobody comes back for it in time", async () => {
    const { pid, worker, close } = await begun(["--kept-time=1"]);
    while (isAlive(pid)) await setTimeout(20);
    expect(worker.output()).toContain("no connection for 1 s: what was kept is given up");
    await close();
  });

  it("ends with all that it runs when it is without a master for too long", async () => {
    const { door, pid, worker, close } = await begun(["--give-up-after=2"]);
    // Its master is there, and does not take it in: that counts no less.
    await door.nextRefusal();
    expect(await worker.exited).toBe(1);
    expect(isAlive(pid)).toBe(false);
    expect(worker.output()).toContain("not taken in by a master for 2 s: giving up");
    await close();
  });

  it("asks to be drained when it is back, and goes on meanwhile", async () => {
    const { door, worker, pid, close } = await begun(["--allow-shutdown=signal"]);
    process.kill(worker.pid, "SIGHUP");
    await door.nextRefusal();
    expect(isAlive(pid)).toBe(true);
    door.turnAway = null;
    const { session } = await door.nextAttached();
    await door.nextDrainRequest();
    expect(isAlive(pid)).toBe(true);
    await session.shutdown();
    expect(await worker.exited).toBe(0);
    expect(isAlive(pid)).toBe(false);
    await close();
  });

  it("keeps nothing when it is told to", async () => {
    const door = testDoor({ passwords: { w1: "pass" } });
    const listening = await protocol.listen(door, OPTIONS);
    const worker = await startSlipwayWorker({
      ...{ port: listening.port, protocol: name, name: "w1", password: "pass" },
      args: ["--kept-output=0"],
    });
    expect((await door.nextAttached()).facts.keeps).toBeNull();
    await worker.stop();
    await listening.close();
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
