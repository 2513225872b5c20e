/**
 * Guarantee: a running build whose worker keeps what it has begun is carried on by exactly one process,
 * the one that holds the worker's next connection, from where its step was: whatever is seen first,
 * whoever is still alive, whatever was to be written meanwhile. It waits only so long.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CANCELLED, RETRY, SUCCESS, WARNINGS } from "../../../../server/domain/builds";
import type { BuildId, LogId } from "../../../../server/domain/ids";
import type { CommandEnd, CommandSink } from "../../../../server/domain/wire";
import { readRaw } from "../../../../server/logs";
import { type Behaviour, completed, untilStopped } from "../../../../server/protocols/null";
import { seal } from "../../../../server/secrets/seal";
import {
  type BuildRow,
  CALLER,
  createRig,
  isFinished,
  isRunning,
  RIG_KEY,
  type Rig,
  type SocketProcess,
  until,
} from "../../../support/engine-rig";

/** Why builds are stopped here. */
const WHY = "enough";
const MARK = "5f0c0000-mark";
const step = (name: string, more: object = {}) => ({
  ...{ type: "ShellCommand", name, command: [name], ...more },
});

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

interface Kept {
  readonly said: string[];
  end: CommandEnd | null;
  readonly listening: Set<CommandSink>;
  readonly ended: Promise<CommandEnd>;
  finish(end: CommandEnd): void;
}

/** One worker process, whatever connections it has: it keeps its commands by their keys. */
class Keeper {
  readonly kept = new Map<string, Kept>();
  readonly facts: { readonly keeps: string };
  /** Of commands, as they were begun; again is not begun. */
  readonly begun: string[] = [];

  constructor(mark = MARK) {
    this.facts = { keeps: mark };
  }

  readonly behaviour: Behaviour = async ({ command, sink, stop, keep }) => {
    if (!keep) throw new Error("a command without a key");
    const key = `${keep.key.step}#${keep.key.ordinal}`;
    let kept = this.kept.get(key);
    keep.found?.(!kept ? "new" : kept.end ? "ended" : "running");
    if (!kept) {
      kept = newKept();
      this.kept.set(key, kept);
      this.begun.push(String("command" in command.args ? command.args.command : command.name));
    }
    for (const text of kept.said) await sink.output("stdout", Buffer.from(text));
    kept.listening.add(sink);
    const { finish } = kept;
    // A lost connection interrupts nothing.
    const interrupt = () => stop.reason === WHY && finish(completed(-1));
    stop.addEventListener("abort", interrupt);
    if (stop.aborted) interrupt();
    const end = await kept.ended;
    kept.end = end;
    return end;
  };

  /** The newest command. */
  get #last(): Kept {
    return [...this.kept.values()].at(-1) as Kept;
  }

  /** Says a line, to whoever listens and to whoever comes later. */
  async say(text: string): Promise<void> {
    const { said, listening } = this.#last;
    said.push(`${text}\n`);
    for (const sink of listening) await sink.output("stdout", Buffer.from(`${text}\n`));
  }

  finish(rc: number): void {
    this.#last.finish(completed(rc));
  }
}

function newKept(): Kept {
  let finish: (end: CommandEnd) => void = () => {};
  const ended = new Promise<CommandEnd>((resolve) => {
    finish = resolve;
  });
  return { said: [], end: null, listening: new Set(), ended, finish };
}

interface Begun {
  readonly first: SocketProcess;
  readonly keeper: Keeper;
  readonly request: Awaited<ReturnType<Rig["force"]>>;
  readonly build: BuildRow;
  readonly connect: (
    socket: SocketProcess,
    keeper?: Keeper,
  ) => ReturnType<SocketProcess["connect"]>;
  readonly worker: Awaited<ReturnType<SocketProcess["connect"]>>;
}

/** A build whose step runs and has two lines stored. */
async function begin(steps: readonly object[] = [step("one"), step("two")]): Promise<Begun> {
  const first = await rig.socket();
  const worker = await rig.addWorker("w1");
  const builder = await rig.addBuilder("b", [worker], steps);
  const keeper = new Keeper();
  const connect = (socket: SocketProcess, { facts, behaviour } = keeper) =>
    socket.connect("w1", { facts, behaviour });
  const connected = await connect(first);
  const request = await rig.force(builder);
  const build = await rig.build(request, isRunning);
  await until(() => keeper.kept.size === 1);
  await keeper.say("a");
  await keeper.say("b");
  await storedLines(build.id, 2);
  rig.isDistributing = false;
  return { first, keeper, request, build, connect, worker: connected };
}

async function storedLines(buildId: BuildId, lines: number): Promise<void> {
  await until(async () => {
    const [log] = await rig.db.rows<{ line_count: number }>(
      "select line_count from log where build_id = $1 order by id limit 1",
      [buildId],
    );
    return (log?.line_count ?? 0) >= lines;
  });
}

/** What the step's log holds, without lines of ours. */
async function textOf(buildId: BuildId, number = 0): Promise<string[]> {
  const logs = await rig.db.rows<{ id: LogId }>(
    "select l.id from log l join step s on s.id = l.step_id where l.build_id = $1 and s.number = $2",
    [buildId, number],
  );
  expect(logs).toHaveLength(1);
  const parts: Buffer[] = [];
  for await (const part of readRaw(rig.db, (logs[0] as { id: LogId }).id)) parts.push(part);
  const lines = Buffer.concat(parts).toString().split("\n").slice(0, -1);
  return lines.filter((line) => !line.startsWith("program finished"));
}

async function toTheEnd({ keeper, request, build }: Begun): Promise<BuildRow> {
  await keeper.say("c");
  keeper.finish(0);
  await until(() => keeper.kept.size === 2);
  keeper.finish(0);
  const ended = await rig.build(request, isFinished);
  expect(ended.id).toBe(build.id);
  return ended;
}

const isWaiting = ({ state_string }: BuildRow) => state_string.startsWith("waiting for worker w1");
const deadlines = () =>
  rig.db
    .rows<{ kind: string }>("select kind from deadline where kind like 'build-%' order by kind")
    .then((rows) => rows.map(({ kind }) => kind));

async function expectWhole(begun: Begun): Promise<void> {
  expect(await toTheEnd(begun)).toMatchObject({ result: SUCCESS });
  expect(await textOf(begun.build.id)).toEqual(["a", "b", "c"]);
  expect(begun.keeper.begun).toEqual(["one", "two"]);
  expect(await rig.builds(begun.request)).toHaveLength(1);
  expect(await deadlines()).toEqual([]);
  expect(await rig.request(begun.request)).toEqual({ state: "done", result: SUCCESS });
}

describe("carried on", () => {
  test("by the process its worker comes to before anybody has seen that the other is gone", async () => {
    const begun = await begin();
    await begun.first.die();
    const heir = await rig.socket();
    await begun.connect(heir);
    await rig.build(begun.request, ({ owner_id }) => owner_id === heir.id);
    // Whoever looks only now finds nothing to do.
    await rig.sweep();
    await expectWhole(begun);
  });

  test("after it was seen to wait, with what was said meanwhile", async () => {
    const begun = await begin();
    await begun.first.die();
    await Promise.all([rig.sweep(), rig.sweep()]);
    const waiting = await rig.build(begun.request, isWaiting);
    expect(waiting).toMatchObject({ state: "running" });
    expect(await deadlines()).toEqual(["build-awaiting"]);
    await rig.sweep();
    expect(await rig.build(begun.request)).toMatchObject({ owner_epoch: waiting.owner_epoch });
    const heir = await rig.socket();
    await begun.connect(heir);
    const build = await rig.build(begun.request, ({ owner_id }) => owner_id === heir.id);
    expect(build.state_string).not.toContain("waiting");
    await expectWhole(begun);
  });

  test("by the same process over another connection", async () => {
    const begun = await begin();
    begun.worker.lose();
    await rig.build(begun.request, isWaiting);
    await begun.connect(begun.first);
    await expectWhole(begun);
    expect(begun.first.builds.count()).toBe(0);
  });

  test("by another process while the first thinks that it still has the worker", async () => {
    const begun = await begin();
    const heir = await rig.socket();
    await begun.connect(heir);
    await until(() => begun.first.builds.count() === 0);
    await expectWhole(begun);
  });

  test("when its command ended while nobody listened", async () => {
    const begun = await begin();
    begun.worker.lose();
    await rig.build(begun.request, isWaiting);
    await begun.keeper.say("c");
    begun.keeper.finish(0);
    await begun.connect(begun.first);
    await until(() => begun.keeper.kept.size === 2);
    begun.keeper.finish(0);
    expect(await rig.build(begun.request, isFinished)).toMatchObject({ result: SUCCESS });
    expect(await textOf(begun.build.id)).toEqual(["a", "b", "c"]);
  });

  test("with the results and properties of the steps before", async () => {
    const begun = await begin([
      { ...step("warns"), warnOnFailure: true, flunkOnFailure: false },
      { type: "SetPropertyFromCommand", name: "sets", command: ["sets"], property: "found" },
      step("uses", { command: ["uses", "%(prop:found)s"] }),
    ]);
    begun.keeper.finish(1);
    await until(() => begun.keeper.kept.size === 2);
    await begun.keeper.say("value");
    begun.worker.lose();
    await rig.build(begun.request, isWaiting);
    begun.keeper.finish(0);
    await begun.connect(begun.first);
    await until(() => begun.keeper.kept.size === 3);
    const second = await rig.socket();
    await begun.first.die();
    await begun.connect(second);
    await rig.build(begun.request, ({ owner_id }) => owner_id === second.id);
    begun.keeper.finish(0);
    expect(await rig.build(begun.request, isFinished)).toMatchObject({ result: WARNINGS });
    expect(begun.keeper.begun).toEqual(["warns", "sets", "uses,value"]);
    const [row] = await rig.db.rows<{ properties: object }>("select properties from build");
    expect(row?.properties).toMatchObject({ found: ["value", "SetPropertyFromCommand Step"] });
  });

  test("and told to forget what no build runs", async () => {
    const begun = await begin();
    begun.worker.lose();
    await rig.build(begun.request, isWaiting);
    const again = await begun.connect(begun.first);
    await until(() => again.keptOnly.length === 1);
    expect(again.keptOnly).toEqual([["b"]]);
    await expectWhole(begun);
    await until(() => again.keptOnly.length === 2);
    expect(again.keptOnly.at(-1)).toEqual([]);
  });

  test("when the connection over which its worker came is lost before it was looked for", async () => {
    const begun = await begin();
    await begun.first.die();
    const heir = await rig.socket();
    let again: Awaited<ReturnType<SocketProcess["connect"]>> | null = null;
    heir.line.before = async (text) => {
      if (!text.includes("worker_id = any($1) and state = 'running'")) return;
      heir.line.before = null;
      await until(() => again);
      again?.lose();
      await until(() => heir.sessions.count() === 0);
    };
    again = await begun.connect(heir);
    await until(() => heir.line.before === null && heir.sessions.count() === 0);
    await rig.sweep();
    await begun.connect(heir);
    await expectWhole(begun);
  });

  test("by nobody twice, when the answer of the take-over is lost", async () => {
    const begun = await begin();
    await begun.first.die();
    const heir = await rig.socket();
    heir.line.loseAnswerOf = /its worker is back/;
    await begun.connect(heir);
    await expectWhole(begun);
    const [row] = await rig.db.rows("select owner_epoch from build");
    expect(row).toEqual({ owner_epoch: 2 });
  });
});

describe("not carried on", () => {
  test("when its worker was started anew: RETRY at once, with the reason", async () => {
    const begun = await begin();
    begun.worker.lose();
    await rig.build(begun.request, isWaiting);
    await begun.connect(begun.first, new Keeper("77aa0000-other"));
    const build = await rig.build(begun.request, isFinished);
    expect(build).toMatchObject({
      result: RETRY,
      state_string: "retry: its worker was started anew, and what it ran is gone",
    });
    expect(await rig.request(begun.request)).toMatchObject({ state: "pending" });
    expect(await deadlines()).toEqual([]);
  });

  test("when its worker does not come back in time", async () => {
    const begun = await begin();
    begun.worker.lose();
    await rig.build(begun.request, isWaiting);
    await rig.sweep();
    await rig.db.rows("update deadline set fire_at = now() - interval '1 second'");
    // No process has been there for as long as it may take: its time has not begun.
    await rig.sweep();
    expect(await rig.builds(begun.request)).toMatchObject([{ state: "running" }]);
    await rig.db.rows("update process set started_at = now() - interval '1 hour'");
    await rig.sweep();
    expect(await rig.builds(begun.request)).toMatchObject([
      { result: RETRY, state_string: "retry: worker w1 did not come back within 120 s" },
    ]);
    expect(await deadlines()).toEqual([]);
  });

  test("when we take its machine away, even where that is seen first as a lost connection", async () => {
    const begun = await begin();
    await rig.db.rows("update worker_session set generation = 1, end_requested = 'kill'");
    begun.worker.lose();
    expect(await rig.build(begun.request, isFinished)).toMatchObject({ result: RETRY });
    expect(await rig.request(begun.request)).toMatchObject({ state: "pending" });
    expect(await deadlines()).toEqual([]);
  });

  test("when a person stopped it meanwhile and its worker does not come back", async () => {
    const begun = await begin();
    begun.worker.lose();
    await rig.build(begun.request, isWaiting);
    await rig.commands.stopBuild(CALLER, begun.build.id, { reason: WHY });
    begun.first.told("stop");
    await rig.db.rows("update deadline set fire_at = now() where kind = 'build-awaiting'");
    await rig.db.rows("update process set started_at = now() - interval '1 hour'");
    await rig.sweep();
    expect(await rig.builds(begun.request)).toMatchObject([{ result: CANCELLED }]);
  });

  test("beyond a stop: it is interrupted where it is, and its lines stand", async () => {
    const begun = await begin([step("one"), step("never"), step("always", { alwaysRun: true })]);
    begun.worker.lose();
    await rig.build(begun.request, isWaiting);
    await rig.commands.stopBuild(CALLER, begun.build.id, { reason: WHY });
    await begun.connect(begun.first);
    await until(() => begun.keeper.kept.size === 2);
    begun.keeper.finish(0);
    expect(await rig.build(begun.request, isFinished)).toMatchObject({ result: CANCELLED });
    expect(begun.keeper.begun).toEqual(["one", "always"]);
    expect(await textOf(begun.build.id)).toEqual(["a", "b", `stopped: ${WHY}`]);
  });

  test("beyond a stop: a step that still stands in line for its lock begins nothing", async () => {
    await rig.db.rows(
      `insert into lock (org_id, kind, name, max_count, max_count_for_worker, places)
       values (1, 'MasterLock', 'port', 1, '{}', 1)`,
    );
    const uses = step("uses", { locks: ["port"] });
    const holder = await rig.socket();
    const held = await rig.addBuilder("h", [await rig.addWorker("w2")], [uses]);
    await holder.connect("w2", { behaviour: untilStopped });
    await rig.force(held);
    await until(async () => (await rig.db.rows("select from lock_owner")).length === 1);
    const begun = await begin([step("one"), uses]);
    begun.keeper.finish(0);
    const inLine = ({ state_string }: BuildRow) => state_string.startsWith("waiting for lock port");
    await rig.build(begun.request, inLine);
    begun.worker.lose();
    await rig.build(begun.request, isWaiting);
    await begun.connect(begun.first);
    const { id } = await rig.build(begun.request, inLine);
    await rig.commands.stopBuild(CALLER, id, { reason: WHY });
    begun.first.told("stop");
    expect(await rig.build(begun.request, isFinished)).toMatchObject({ id, result: CANCELLED });
    expect(begun.keeper.begun).toEqual(["one"]);
    expect(await rig.db.rows("select from lock_waiter")).toEqual([]);
  });

  test("when the worker has not kept all of it", async () => {
    const begun = await begin();
    begun.worker.lose();
    await rig.build(begun.request, isWaiting);
    await begun.first.connect("w1", {
      facts: begun.keeper.facts,
      behaviour: async () => ({ kind: "lost", message: "it said more than is kept" }),
    });
    expect(await rig.build(begun.request, isFinished)).toMatchObject({
      result: RETRY,
      state_string: "retry: the worker could not go on: it said more than is kept",
    });
  });

  test("when a secret of its recipe was changed meanwhile, which nobody could hide any more", async () => {
    const write = (value: string) =>
      rig.db.rows(
        `insert into secret (org_id, name, sealed, updated_by) values (1, 'token', $1, 'ada')
         on conflict (org_id, name) do update set sealed = excluded.sealed, updated_at = now()`,
        [seal(RIG_KEY, value)],
      );
    await write("first-value");
    const begun = await begin([step("one", { command: ["one", "%(secret:token)s"] })]);
    begun.worker.lose();
    await rig.build(begun.request, isWaiting);
    await write("second-value");
    await begun.connect(begun.first);
    expect(await rig.build(begun.request, isFinished)).toMatchObject({
      result: RETRY,
      state_string: "retry: a secret was changed while its worker was away",
    });
  });

  test("when it was dropped on purpose", async () => {
    const begun = await begin();
    begun.worker.close({ code: "dropped-by-us", message: "removed from configuration" });
    expect(await rig.build(begun.request, isFinished)).toMatchObject({ result: RETRY });
  });

  test("twice: a deadline that fires while it is taken over ends it, or finds it taken over", async () => {
    for (const isDeadlineFirst of [true, false]) {
      const begun = await begin();
      await rig.db.rows("update process set started_at = now() - interval '1 hour'");
      begun.worker.lose();
      await rig.build(begun.request, isWaiting);
      await rig.db.rows("update deadline set fire_at = now() where kind = 'build-awaiting'");
      begun.first.line.before = async (text) => {
        if (!text.includes("its worker is back") || !isDeadlineFirst) return;
        begun.first.line.before = null;
        await rig.sweep();
      };
      await begun.connect(begun.first);
      if (isDeadlineFirst) {
        expect(await rig.build(begun.request, isFinished)).toMatchObject({ result: RETRY });
      } else {
        await rig.build(begun.request, ({ state_string }) => !state_string.includes("waiting"));
        await rig.sweep();
        await expectWhole(begun);
      }
      await rig.close();
      rig = await createRig();
    }
  });
});
