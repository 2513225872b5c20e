// Guarantee: a listener that is sent what a real worker sent, however its bytes are cut, serves it as
// the real master did: same login, same command, same output, same end.
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { CommandEnd } from "../../../../../server/domain/wire";
import type { Listening } from "../../../../../server/protocols/contract";
import { createPbProtocol } from "../../../../../server/protocols/pb";
import type { BrokerMessage, Call, Jelly } from "../../../../../server/protocols/pb/codec";
import {
  asItems,
  asString,
  BananaDecoder,
  Dictionary,
  Remote,
  readBrokerMessage,
  Tuple,
} from "../../../../../server/protocols/pb/codec";
import { shell } from "../../../../support/shell-command";
import type { CaptureVersion } from "../../../../support/wire-captures";
import { capture, eachByte } from "../../../../support/wire-captures";
import { KeepingSink, testDoor } from "../../../../support/worker-door";

interface Recorded {
  /** Undefined for the dialects and the choice of one. */
  readonly message: BrokerMessage | undefined;
  readonly start: number;
  readonly end: number;
}

/** Messages with the bytes that they are, found by feeding byte after byte. */
function parse(bytes: Uint8Array): Recorded[] {
  const decoder = new BananaDecoder();
  const recorded: Recorded[] = [];
  let start = 0;
  for (let index = 0; index < bytes.length; index++) {
    decoder.push(bytes.subarray(index, index + 1));
    const element = decoder.next();
    if (element === undefined) continue;
    const message = decoder.usesVocabulary ? readBrokerMessage(element) : undefined;
    decoder.usesVocabulary = true;
    recorded.push({ message, start, end: index + 1 });
    start = index + 1;
  }
  return recorded;
}

const cuts: Record<
  string,
  (bytes: Uint8Array, start: number, lengths: readonly number[]) => Uint8Array[]
> = {
  "as recorded": (bytes, start, lengths) => {
    const pieces: Uint8Array[] = [];
    let border = 0;
    let from = 0;
    for (const length of lengths) {
      border += length;
      const to = border - start;
      if (to > from && to < bytes.length) {
        pieces.push(bytes.subarray(from, to));
        from = to;
      }
    }
    pieces.push(bytes.subarray(from));
    return pieces;
  },
  "byte by byte": (bytes) => eachByte(bytes),
  "all at once": (bytes) => [bytes],
};

/**
 * Scenarios of one command on one builder, where request and object numbers meet those of our door:
 * the recorded `startBuild` and `startCommand` are our `startCommand` and the nudge behind it. (Which
 * of the two was refused tells `unknowncmd` apart, so that one is left to the interop tests.)
 */
const scenarios = [
  "trivial",
  "fail",
  "timeout",
  "maxtime",
  "sigterm",
  "maxlines",
  "lines3k",
  "weird",
  "interrupt",
  "worker-dies",
];

let listening: Listening | null = null;

afterEach(async () => {
  await listening?.close();
  listening = null;
});

describe.each(["pb-3.7", "pb-4.x"] as const)("%s", (version) => {
  for (const scenario of scenarios) {
    const ways = scenario === "lines3k" ? ["as recorded", "all at once"] : Object.keys(cuts);
    it.each(ways)(`${scenario}, %s`, async (way) => {
      await replay(version, scenario, way);
    });
  }
});

async function replay(version: CaptureVersion, scenario: string, way: string): Promise<void> {
  const worker = capture(version, scenario, "w2m");
  const fromWorker = parse(worker.bytes);
  const fromMaster = parse(capture(version, scenario, "m2w").bytes);
  const known = readScenario(fromWorker, fromMaster);

  const door = testDoor({ passwords: { w1: "pass" }, builders: known.builders });
  listening = await createPbProtocol({ randomBytes: () => known.challenge }).listen(door, {
    host: "127.0.0.1",
    port: 0,
    loginTimeoutMs: 30_000,
  });
  const player = play(listening.port, worker.bytes, fromWorker, (bytes, start) =>
    (cuts[way] as (typeof cuts)[string])(bytes, start, worker.chunkLengths),
  );

  const { session, facts } = await door.nextAttached();
  expect(facts).toMatchObject({ system: "posix", numcpus: 2, environ: { USER: "bench" } });
  expect(await session.ping(10_000)).toBe(true);
  const sink = new KeepingSink();
  const stop = new AbortController();
  if (known.interrupted) player.whenCalled("startBuild").then(() => stop.abort("stopped"));
  const end = await session.run(known.builder, shell("as recorded"), sink, stop.signal);
  expect(end).toMatchObject(known.end);
  expect(sink.pieces.map((piece) => [piece.stream, piece.bytes.toString("utf8")])).toEqual(
    known.pieces,
  );
  player.end();
  expect((await session.closed).code).toBe("peer-closed");
  expect(door.refusals).toEqual([]);
}

interface Scenario {
  readonly challenge: Uint8Array;
  readonly builders: { name: string; builddir: string }[];
  readonly builder: string;
  readonly interrupted: boolean;
  readonly pieces: [string, string][];
  readonly end: Partial<CommandEnd>;
}

/** What happened, read off the recorded messages. */
function readScenario(fromWorker: Recorded[], fromMaster: Recorded[]): Scenario {
  const calls = (recorded: Recorded[], method: string) =>
    recorded.flatMap(({ message }) =>
      message?.kind === "message" && message.method === method ? [message] : [],
    );
  const challenged = fromMaster.find(({ message }) => message?.kind === "answer")?.message;
  const challenge =
    challenged?.kind === "answer" && challenged.value instanceof Tuple && challenged.value.items[0];
  const list = asItems(calls(fromMaster, "setBuilderList")[0]?.args[0]) ?? [];
  const builders = list.map((pair) => {
    const [name, builddir] = asItems(pair) ?? [];
    return { name: asString(name) ?? "", builddir: asString(builddir) ?? "" };
  });
  const [start] = calls(fromMaster, "startCommand");
  const numbers = fromWorker
    .map(({ message }) => (message?.kind === "answer" ? message.value : null))
    .find(
      (value): value is Dictionary =>
        value instanceof Dictionary && value.entries[0]?.[1] instanceof Remote,
    );
  const named = numbers?.entries.find(([, value]) => (value as Remote).id === start?.object);

  const pieces: [string, string][] = [];
  const values = new Map<string, Jelly>();
  for (const call of calls(fromWorker, "update")) {
    for (const pair of asItems(call.args[0]) ?? []) {
      const [told] = asItems(pair) ?? [];
      for (const [key, value] of (told as Dictionary).entries) {
        const name = asString(key) ?? "";
        if (["stdout", "stderr", "header"].includes(name))
          pieces.push([name, asString(value) ?? ""]);
        else values.set(name, value);
      }
    }
  }
  const [complete] = calls(fromWorker, "complete");
  const end: Partial<CommandEnd> =
    complete === undefined
      ? { kind: "lost" }
      : { kind: "completed", rc: values.get("rc") as number };
  return {
    challenge: challenge as Uint8Array,
    builders,
    builder: asString(named?.[0]) ?? "",
    interrupted: calls(fromMaster, "interruptCommand").length > 0,
    pieces,
    end,
  };
}

/**
 * Sends the recorded bytes, each message no sooner than a real worker could have: an answer after its
 * call came, a call after its object was heard of. The socket closes behind the last.
 */
function play(
  port: number,
  bytes: Uint8Array,
  recorded: Recorded[],
  cut: (bytes: Uint8Array, start: number) => Uint8Array[],
) {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  const decoder = new BananaDecoder();
  const requests = new Set<number>();
  const objects = new Set<number>();
  const called: Call[] = [];
  let waiting: { method: string; resolve: () => void }[] = [];
  let next = 0;
  let isGreeted = false;

  const mayGo = ({ message }: Recorded): boolean => {
    if (message === undefined || message.kind === "version") return isGreeted;
    if (message.kind === "answer" || message.kind === "error") return requests.has(message.request);
    if (message.kind === "message") return message.object === "root" || objects.has(message.object);
    return message.object === undefined || objects.has(message.object);
  };
  const advance = () => {
    const first = next;
    while (next < recorded.length && mayGo(recorded[next] as Recorded)) next++;
    if (next === first) return;
    const start = (recorded[first] as Recorded).start;
    const end = (recorded[next - 1] as Recorded).end;
    for (const piece of cut(bytes.subarray(start, end), start)) socket.write(piece);
    if (next === recorded.length) socket.end();
  };
  const hear = (value: Jelly): void => {
    if (value instanceof Remote) objects.add(value.id);
    for (const item of asItems(value) ?? []) hear(item);
  };
  socket.on("data", (chunk: Buffer) => {
    decoder.push(chunk);
    for (let element = decoder.next(); element !== undefined; element = decoder.next()) {
      if (!isGreeted) {
        isGreeted = true;
        decoder.usesVocabulary = true;
        continue;
      }
      const message = readBrokerMessage(element);
      if (message.kind === "answer") hear(message.value);
      if (message.kind !== "message") continue;
      requests.add(message.request);
      called.push(message);
      for (const arg of message.args) hear(arg);
      for (const one of waiting) if (one.method === message.method) one.resolve();
      waiting = waiting.filter((one) => one.method !== message.method);
    }
    advance();
  });
  socket.on("error", () => {});
  return {
    whenCalled: (method: string) =>
      new Promise<void>((resolve) => {
        if (called.some((call) => call.method === method)) resolve();
        else waiting.push({ method, resolve });
      }),
    end: () => socket.end(),
  };
}
