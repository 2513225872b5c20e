// Guarantee: a door that is told what a real worker of either version told, frame by frame, asks for each
// command as the real master did and makes the same of what comes back.
import { expect, it } from "vitest";
import type { Command } from "../../../../../server/domain/wire";
import { createMsgpackProtocol } from "../../../../../server/protocols/msgpack";
import {
  asItems,
  asNumber,
  asString,
  type Fields,
  readLines,
  readMessage,
  type Value,
  type WorkerOp,
} from "../../../../../server/protocols/msgpack/codec";
import { MsgpackPeer, type Request } from "../../../../support/msgpack-peer";
import { plainValue } from "../../../../support/plain-value";
import { type FrameCapture, frameCaptures } from "../../../../support/wire-captures";
import { KeepingSink, never, testDoor } from "../../../../support/worker-door";

/** One recorded command: what was asked, and what the worker told until its end. */
interface Recorded {
  readonly builder: string | null;
  readonly name: string;
  readonly args: Record<string, unknown>;
  readonly told: readonly Request[];
  readonly refusal: string | null;
}

interface Scenario {
  readonly title: string;
  readonly facts: Value;
  readonly commands: readonly Recorded[];
}

function readScenario(fromMaster: FrameCapture, fromWorker: FrameCapture): Scenario {
  const asked = fromMaster.frames.map((frame) => readMessage(frame));
  const said = fromWorker.frames.map((frame) => readMessage(frame));
  const responses = new Map(
    said.flatMap((each) => (each.kind === "response" ? [[each.sequence, each] as const] : [])),
  );
  const requests = asked.filter((each) => each.kind === "request");
  const info = requests.find((each) => each.op === "get_worker_info");
  return {
    title: `${fromMaster.version} ${fromMaster.scenario}`,
    facts: responses.get(info?.sequence ?? -1)?.result ?? null,
    commands: requests
      .filter((each) => each.op === "start_command")
      .map(({ fields, sequence }) => {
        const id = asString(fields.get("command_id"));
        const response = responses.get(sequence);
        return {
          builder: asString(fields.get("builder_name")),
          name: asString(fields.get("command_name")) ?? "",
          args: plainValue(fields.get("args")) as Record<string, unknown>,
          told: said.filter(
            (each) => each.kind === "request" && asString(each.fields.get("command_id")) === id,
          ) as Request[],
          refusal: response?.failed ? asString(response.result) : null,
        };
      })
      // Hidden arguments as the original sends them, which no worker understands.
      .filter(({ args }) => !JSON.stringify(args).includes('"obfuscated"')),
  };
}

const all = frameCaptures();
const scenarios = all.flatMap((fromMaster) => {
  const fromWorker = all.find(
    (each) =>
      each.direction === "w2m" &&
      each.version === fromMaster.version &&
      each.scenario === fromMaster.scenario,
  );
  if (fromMaster.direction !== "m2w" || fromWorker === undefined) return [];
  const scenario = readScenario(fromMaster, fromWorker);
  return scenario.commands.some((command) => command.builder !== null) ? [scenario] : [];
});

/** A worker that answers the door with what was recorded. */
function play(peer: MsgpackPeer, scenario: Scenario): void {
  const left = scenario.commands.filter((command) => command.builder !== null);
  peer.answer = ({ op, fields }) => {
    if (op === "get_worker_info") return scenario.facts;
    if (op !== "start_command" || !fields.has("builder_name")) return undefined;
    const next = left.shift();
    if (next === undefined) return new Error("nothing more was recorded");
    if (next.refusal !== null) return new Error(next.refusal);
    // As in most recordings: the updates come before the answer.
    for (const told of next.told) {
      const command_id = fields.get("command_id") ?? null;
      peer.request(told.op as WorkerOp, { ...Object.fromEntries(told.fields), command_id });
    }
    return null;
  };
}

/** What the engine would have asked for. */
function commandOf({ name, args, builder }: Recorded, basedir: string): Command {
  const relative = (path: unknown) => String(path).replace(`${basedir}/${builder}/`, "");
  const written: Record<string, unknown> = { ...args };
  const writer = { async write() {}, async close() {}, async utime() {}, async unpack() {} };
  switch (name) {
    case "shell":
      written.workdir = relative(args.workdir);
      break;
    case "mkdir":
      return { name, args: { dir: relative((args.paths as string[])[0]) } };
    case "rmdir": {
      const { paths, ...rest } = args;
      return { name, args: { ...rest, dir: (paths as string[]).map(relative) } };
    }
    case "cpdir": {
      const { from_path, to_path, ...rest } = args;
      return { name, args: { ...rest, fromdir: relative(from_path), todir: relative(to_path) } };
    }
    case "stat":
      return { name, args: { file: relative(args.path) } };
    case "glob":
    case "rmfile":
      return { name, args: { path: relative(args.path) } };
    case "listdir":
      return { name, args: { dir: relative(args.path) } };
    case "upload_file":
      return { name: "uploadFile", args: written, writer } as unknown as Command;
    case "upload_directory":
      return { name: "uploadDirectory", args: written, writer } as unknown as Command;
    case "download_file": {
      const reader = { read: async () => new Uint8Array(0), async close() {} };
      return { name: "downloadFile", args: written, reader } as unknown as Command;
    }
  }
  return { name, args: written } as unknown as Command;
}

/** What the recorded updates say of the end, and of each stream. */
function expected(told: readonly Request[]) {
  const streams: Record<string, string> = {};
  const ends: Record<string, Value> = {};
  for (const { fields } of told.filter((each) => each.op === "update")) {
    for (const pair of asItems(fields.get("args")) ?? []) {
      const [rawKey, value] = asItems(pair) ?? [];
      const key = asString(rawKey) ?? "";
      const text = ["stdout", "stderr", "header"].includes(key) ? readLines(value) : null;
      if (text === null) ends[key] = value ?? null;
      else streams[key] = (streams[key] ?? "") + Buffer.from(text).toString();
    }
  }
  return { streams, rc: asNumber(ends.rc), failureReason: asString(ends.failure_reason) };
}

it.each(scenarios.map((scenario) => [scenario.title, scenario] as const))(
  "%s",
  async (_, scenario) => {
    const builders = [...new Set(scenario.commands.flatMap(({ builder }) => builder ?? []))];
    const door = testDoor({
      passwords: { w1: "pass" },
      builders: builders.map((name) => ({ name, builddir: name })),
    });
    const listening = await createMsgpackProtocol().listen(door, {
      ...{ host: "127.0.0.1", port: 0, loginTimeoutMs: 30_000 },
    });
    const peer = new MsgpackPeer(listening.port);
    play(peer, scenario);
    const { session, facts } = await door.nextAttached();
    expect(facts.version).not.toBe("");

    for (const recorded of scenario.commands) {
      if (recorded.builder === null) continue;
      const sink = new KeepingSink();
      const command = commandOf(recorded, facts.basedir);
      const running = session.run(recorded.builder, command, sink, never);
      const isCut = recorded.refusal === null && recorded.told.at(-1)?.op !== "complete";
      if (isCut) {
        // The worker died in the middle of it.
        await session.ping(10_000);
        peer.end();
        expect(await running).toMatchObject({ kind: "lost" });
        break;
      }
      const end = await running;
      const sent = peer.received
        .filter((each) => each.kind === "request" && each.op === "start_command")
        .at(-1) as Request;
      expect(asString(sent.fields.get("command_name"))).toBe(recorded.name);
      expect(asString(sent.fields.get("builder_name"))).toBe(recorded.builder);
      expect(wanted(sent.fields)).toEqual(wanted(new Map([["args", recorded.args as Value]])));
      if (recorded.refusal !== null) {
        expect(end).toEqual({ kind: "failed", message: recorded.refusal });
        continue;
      }
      const { streams, rc, failureReason } = expected(recorded.told);
      for (const [stream, text] of Object.entries(streams)) {
        expect(sink.text(stream) === text).toBe(true);
      }
      const failure = recorded.told.at(-1)?.fields.get("args") ?? null;
      if (failure !== null) expect(end.kind).toBe("failed");
      else expect(end).toMatchObject({ kind: "completed", rc, failureReason });
    }
    peer.end();
    await listening.close();
  },
);

/** Arguments as they have to be: without what real masters forget to leave out. */
function wanted(fields: Fields): unknown {
  const { workdir, workersrc, workerdest, ...args } = {
    ...(plainValue(fields.get("args")) as Record<string, unknown>),
  };
  const { logEnviron, ...looked } = args;
  const isPathOnly = typeof args.path === "string" && Object.keys(looked).length === 1;
  return isPathOnly ? { path: args.path } : { ...args, ...(args.command ? { workdir } : {}) };
}
