// Guarantee: what our end of a msgpack session says, and when, is what workers need: all settings, whole
// paths, one nudge behind each start, keepalives, interrupts of commands that nobody waits for.
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Command, CommandSink, WorkerFacts } from "../../../../../server/domain/wire";
import type { Listening } from "../../../../../server/protocols/contract";
import {
  createMsgpackProtocol,
  type MsgpackSettings,
} from "../../../../../server/protocols/msgpack";
import { asString, type Value, writeResponse } from "../../../../../server/protocols/msgpack/codec";
import { encodeCommand } from "../../../../../server/protocols/msgpack/command-args";
import { WorkerPaths } from "../../../../../server/protocols/msgpack/worker-paths";
import { MsgpackPeer } from "../../../../support/msgpack-peer";
import { plainValue } from "../../../../support/plain-value";
import { shell } from "../../../../support/shell-command";
import { KeepingSink, never, type TestDoor, testDoor } from "../../../../support/worker-door";

let door: TestDoor;
let listening: Listening;
let peer: MsgpackPeer;

beforeEach(() => {
  door = testDoor({
    passwords: { w1: "pass" },
    builders: ["b1", "b2"].map((name) => ({ name, builddir: name })),
  });
});

afterEach(async () => {
  peer?.end();
  await listening?.close();
});

async function attach(settings: Partial<MsgpackSettings> = {}) {
  listening = await createMsgpackProtocol(settings).listen(door, {
    ...{ host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 },
  });
  peer = new MsgpackPeer(listening.port);
  return (await door.nextAttached()).session;
}

describe("attaching", () => {
  it("tells all four settings, looks at the base directory and makes what is missing", async () => {
    await attach();
    const settings = plainValue((await peer.expectOp("set_worker_settings")).fields.get("args"));
    expect(Object.keys(settings as object).sort()).toEqual([
      ...["buffer_size", "buffer_timeout", "max_line_length", "newline_re"],
    ]);
    const [list, make] = [1, 2].map((nth) => peer.expectOp("start_command", nth));
    expect(plainValue((await list)?.fields)).toMatchObject({
      command_name: "listdir",
      args: { path: "/w" },
    });
    expect(plainValue((await make)?.fields)).toMatchObject({
      command_name: "mkdir",
      args: { paths: ["/w/b1", "/w/b2"] },
    });
    expect((await make)?.fields.has("builder_name")).toBe(false);
  });

  it("does nothing for a list that is the same, and interrupts what a dropped builder runs", async () => {
    const session = await attach();
    await session.ping(10_000);
    const before = peer.received.length;
    await session.serve(door.builders);
    const running = session.run("b2", shell("x"), new KeepingSink(), never);
    const id = plainValue((await peer.expectCommand()).fields.get("command_id"));
    expect(peer.received.length).toBe(before + 1);
    await session.serve(door.builders.slice(0, 1));
    expect(await running).toMatchObject({ kind: "lost" });
    expect(plainValue((await peer.expectOp("interrupt_command")).fields.get("command_id"))).toBe(
      id,
    );
    // It ends later, for the worker; nobody minds.
    const late = peer.request("update", { command_id: id as string, args: [["rc", -1]] });
    expect(await peer.reply(late)).toBeNull();
    const end = peer.request("complete", { command_id: id as string, args: null });
    expect(await peer.reply(end)).toBeNull();
  });

  it("fails, in words, when the worker cannot make its directories", async () => {
    const session = await attach();
    peer.answer = ({ op, fields }) =>
      op === "start_command" && asString(fields.get("command_name")) === "listdir"
        ? new Error("no such command")
        : undefined;
    await expect(session.serve([])).rejects.toThrow(
      "the worker could not list its base directory: no such command",
    );
  });
});

describe("a running command", () => {
  it("is followed by an unasked pong once it is accepted, unless it is over by then", async () => {
    const session = await attach();
    peer.answer = ({ op }) => (op === "start_command" ? "silence" : undefined);
    const running = session.run("b1", shell("x"), new KeepingSink(), never);
    const { sequence, fields } = await peer.expectCommand();
    const nudges = () => peer.frames.filter((kind) => kind === "pong").length;
    const before = nudges();
    peer.answer = () => undefined;
    peer.raw(writeResponse(sequence, null));
    // The first may have been sent before the answer was heard; the second was not.
    await session.ping(10_000);
    await session.ping(10_000);
    expect(nudges() - before).toBe(1);
    const command_id = fields.get("command_id") ?? null;
    peer.request("complete", { command_id, args: "[Failure instance: it broke]" });
    expect(await running).toEqual({ kind: "failed", message: "[Failure instance: it broke]" });
  });

  it("may end before it is accepted", async () => {
    const session = await attach();
    peer.answer = ({ op }) => (op === "start_command" ? "silence" : undefined);
    const running = session.run("b1", shell("x"), new KeepingSink(), never);
    const command_id = (await peer.expectCommand()).fields.get("command_id") ?? null;
    peer.request("update", { command_id, args: [["rc", 3]] });
    peer.request("complete", { command_id, args: null });
    expect(await running).toMatchObject({ kind: "completed", rc: 3 });
  });

  it("gives a slow sink one piece at a time, and answers no ping meanwhile, nor loses it", async () => {
    const session = await attach();
    const order: string[] = [];
    let release = () => {};
    const slow: CommandSink = {
      async output(stream, text) {
        order.push(`${stream} ${Buffer.from(text)}`);
        if (order.length === 1) {
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        }
        order.push("taken");
      },
      log() {},
    };
    const running = session.run("b1", shell("x"), slow, never);
    const command_id = (await peer.expectCommand()).fields.get("command_id") ?? null;
    const lines = (text: string): Value => [text, [text.length - 1], [1]];
    const args = [
      ["stdout", lines("a\n")],
      ["stderr", lines("b\n")],
      ["rc", 0],
    ];
    const update = peer.request("update", { command_id, args });
    peer.request("complete", { command_id, args: null });
    while (order.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const ping = session.ping(30);
    setTimeout(() => release(), 100);
    expect(await running).toMatchObject({ kind: "completed", rc: 0 });
    expect(order).toEqual(["stdout a\n", "taken", "stderr b\n", "taken"]);
    expect(await peer.reply(update)).toBeNull();
    expect(await ping).toBe(true);
  });

  it("is interrupted in the words of the signal", async () => {
    const session = await attach();
    const stop = new AbortController();
    const running = session.run("b1", shell("x"), new KeepingSink(), stop.signal);
    const command_id = (await peer.expectCommand()).fields.get("command_id") ?? null;
    stop.abort("not needed");
    const interrupt = await peer.expectOp("interrupt_command");
    expect(plainValue(interrupt.fields)).toMatchObject({ why: "not needed", builder_name: "b1" });
    expect(plainValue(interrupt.fields.get("command_id"))).toBe(plainValue(command_id));
    peer.request("complete", { command_id, args: null });
    expect(await running).toMatchObject({ kind: "completed", rc: null });
  });
});

describe("keepalives", () => {
  it("come at their interval, and one that is not answered ends the session", async () => {
    const session = await attach();
    // So long an answer may take, too: a slow machine must not look like silence.
    session.keepAliveEvery(0.4);
    await peer.expectOp("keepalive", 2);
    peer.answer = ({ op }) => (op === "keepalive" ? "silence" : undefined);
    expect((await session.closed).code).toBe("timeout");
  });

  it("follow the interval told last, or stop", async () => {
    const session = await attach();
    const count = () =>
      peer.received.filter((each) => each.kind === "request" && each.op === "keepalive").length;
    session.keepAliveEvery(3_600);
    // So long an answer may take, too.
    session.keepAliveEvery(1);
    await peer.expectOp("keepalive", 2);
    session.keepAliveEvery(null);
    // One may be under way; a round trip later it has come.
    await session.ping(10_000);
    const before = count();
    await sleep(1_500);
    expect(await session.ping(10_000)).toBe(true);
    expect(count()).toBe(before);
  });
});

describe("commands as msgpack spells them", () => {
  const facts = (system: string, basedir: string, environ = {}): WorkerFacts => ({
    ...{
      version: "",
      system,
      basedir,
      numcpus: 1,
      workerCommands: {},
      environ,
      info: {},
      keeps: null,
    },
  });
  const posix = new WorkerPaths(facts("posix", "/w", { HOME: "/h/me" }));
  const nt = new WorkerPaths(facts("nt", "C:\\w", { USERPROFILE: "C:\\me" }));

  it.each<[string, WorkerPaths, Command, string, object]>([
    ["a shell", posix, shell("x"), "shell", { workdir: "/w/b/build", command: "x" }],
    ["a shell elsewhere", posix, shell("x", { workdir: "/tmp" }), "shell", { workdir: "/tmp" }],
    ["a shell on Windows", nt, shell("x"), "shell", { workdir: "C:\\w\\b\\build" }],
    ["on another drive", nt, shell("x", { workdir: "D:\\x" }), "shell", { workdir: "D:\\x" }],
    ["from the root", nt, shell("x", { workdir: "\\x" }), "shell", { workdir: "C:\\x" }],
    ["mkdir", posix, { name: "mkdir", args: { dir: "d/e" } }, "mkdir", { paths: ["/w/b/d/e"] }],
    [
      "rmdir",
      posix,
      { name: "rmdir", args: { dir: ["d", "/e"] } },
      "rmdir",
      { paths: ["/w/b/d", "/e"] },
    ],
    [
      "cpdir",
      posix,
      { name: "cpdir", args: { fromdir: "a", todir: "b", timeout: 5 } },
      "cpdir",
      { from_path: "/w/b/a", to_path: "/w/b/b", timeout: 5 },
    ],
    [
      "stat",
      posix,
      { name: "stat", args: { file: "f", workdir: "build" } },
      "stat",
      { path: "/w/b/build/f" },
    ],
    ["rmfile", posix, { name: "rmfile", args: { path: "~/f" } }, "rmfile", { path: "/h/me/f" }],
    [
      "rmfile on Windows",
      nt,
      { name: "rmfile", args: { path: "~\\f" } },
      "rmfile",
      { path: "C:\\me\\f" },
    ],
    [
      "somebody else's home",
      posix,
      { name: "rmfile", args: { path: "~you/f" } },
      "rmfile",
      { path: "/w/b/~you/f" },
    ],
  ])("%s", (_, paths, command, name, args) => {
    expect(encodeCommand(command, paths, "b")).toMatchObject({ name, args });
  });

  it("refuses hidden arguments on Windows, where no quoting keeps them whole", () => {
    const command = shell(["echo", { real: "secret", shown: "XXX" }]);
    expect(() => encodeCommand(command, nt, "b")).toThrow("hidden arguments");
    const sent = JSON.stringify(encodeCommand(command, posix, "b").args);
    expect(sent).not.toContain("secret");
  });
});
