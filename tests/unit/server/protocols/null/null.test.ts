// Guarantee: the protocol without a wire can be told to be slow, to refuse and to be lost, as tests of
// what stands on top of it need.
import { describe, expect, it } from "vitest";
import {
  completed,
  createNullProtocol,
  scripted,
  untilStopped,
} from "../../../../../server/protocols/null";
import { shell } from "../../../../support/shell-command";
import { KeepingSink, never, testDoor } from "../../../../support/worker-door";

const OPTIONS = {
  host: "",
  port: 0,
  loginTimeoutMs: 30_000,
};

async function attach() {
  const protocol = createNullProtocol();
  const door = testDoor({ passwords: { w1: "pass" } });
  const listening = await protocol.listen(door, OPTIONS);
  const outcome = await protocol.connect(listening.port, { name: "w1", password: "pass" });
  if (!outcome.accepted) throw new Error("the worker was refused");
  return { protocol, door, listening, worker: outcome.worker, ...(await door.nextAttached()) };
}

describe("null worker", () => {
  it("does what its script says", async () => {
    const { session, worker } = await attach();
    worker.behaviour = scripted(
      { header: "x\n" },
      { stdout: "out\n" },
      { stderr: Uint8Array.of(0xff) },
      { log: "test.log", text: "line\n" },
      { stat: [1, 2] },
      { files: ["a"] },
      { rc: 4 },
      { stdout: "never" },
    );
    const sink = new KeepingSink();
    expect(await session.run("b1", shell("x"), sink, never)).toEqual(completed(4));
    expect(sink.pieces.map((piece) => [piece.stream, piece.bytes.toString("latin1")])).toEqual([
      ["header", "x\n"],
      ["stdout", "out\n"],
      ["stderr", "\xff"],
      ["log:test.log", "line\n"],
    ]);
    expect([sink.stats, sink.names]).toEqual([[1, 2], ["a"]]);
    expect(worker.commands).toEqual([{ builder: "b1", command: shell("x") }]);
    worker.behaviour = scripted({ fail: "no such command" });
    expect(await session.run("b1", shell("x"), sink, never)).toEqual({
      kind: "failed",
      message: "no such command",
    });
    worker.behaviour = () => {
      throw new Error("it broke");
    };
    expect(await session.run("b1", shell("x"), sink, never)).toMatchObject({ message: "it broke" });
  });

  it("waits when told to, and stops waiting when interrupted", async () => {
    const { session, worker } = await attach();
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    worker.behaviour = scripted({ wait: gate }, { stdout: "through" });
    const sink = new KeepingSink();
    const first = session.run("b1", shell("x"), sink, never);
    open();
    expect(await first).toEqual(completed(0));
    expect(sink.text("stdout")).toBe("through");

    worker.behaviour = scripted({ wait: new Promise(() => {}) });
    const stop = new AbortController();
    const second = session.run("b1", shell("x"), sink, stop.signal);
    stop.abort();
    expect(await second).toEqual(completed(-1));
  });

  it("is lost, and writes nothing any more", async () => {
    const { session, worker } = await attach();
    let late: () => void = () => {};
    worker.behaviour = async ({ sink }) => {
      await new Promise<void>((resolve) => {
        late = resolve;
      });
      await sink.output("stdout", Buffer.from("from the grave"));
      return completed(0);
    };
    const sink = new KeepingSink();
    const running = session.run("b1", shell("x"), sink, never);
    worker.lose("power cut");
    late();
    expect(await running).toEqual({ kind: "lost", message: "power cut" });
    expect(await session.closed).toEqual({ code: "peer-reset", message: "power cut" });
    expect(sink.pieces).toEqual([]);
  });

  it("lets pings go unanswered, asks to be drained, and ignores a shutdown if told to", async () => {
    const { session, worker, door } = await attach();
    worker.answersPings = false;
    expect(await session.ping(1)).toBe(false);
    worker.requestDrain();
    expect(door.drainRequests).toBe(1);
    worker.exitsOnShutdown = false;
    await session.shutdown();
    worker.answersPings = true;
    expect(await session.ping(1)).toBe(true);
    expect(worker.shutdownRequests).toBe(1);
    worker.behaviour = untilStopped;
    const running = session.run("b1", shell("x"), new KeepingSink(), never);
    worker.lose();
    expect(await running).toMatchObject({ kind: "lost" });
  });

  it("takes too long to log in", async () => {
    const protocol = createNullProtocol();
    const door = testDoor({ passwords: { w1: "pass" } });
    const listening = await protocol.listen(door, { ...OPTIONS, loginTimeoutMs: 10 });
    const outcome = protocol.connect(listening.port, {
      name: "w1",
      password: "pass",
      ready: new Promise(() => {}),
    });
    expect(await door.nextRefusal()).toMatchObject({ reason: "timeout" });
    expect(await outcome).toEqual({ accepted: false });
    await expect(protocol.connect(99, { name: "w1", password: "pass" })).rejects.toThrow("nobody");
  });
});
