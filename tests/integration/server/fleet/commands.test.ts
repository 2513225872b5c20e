/**
 * What is asked of workers is asked of each exactly once, with name and reason; it holds over
 * reconnects and restarts, and stands in their history (W-080 to W-087, A9 to A11).
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { RETRY, SUCCESS } from "../../../../server/domain/builds";
import type { OrgId, WorkerId } from "../../../../server/domain/ids";
import { completed, untilStopped } from "../../../../server/protocols/null";
import {
  CALLER,
  createRig,
  isFinished,
  isRunning,
  type Rig,
  type SocketProcess,
  until,
} from "../../../support/engine-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let rig: Rig;
let socket: SocketProcess;
let w1: WorkerId;
let w2: WorkerId;
beforeEach(async () => {
  rig = await createRig();
  socket = await rig.socket();
  w1 = await rig.addWorker("w1");
  w2 = await rig.addWorker("w2");
});
afterEach(() => rig.close());

const history = async (id: WorkerId) =>
  (
    await rig.db.rows<{ kind: string; reason: string; actor: string }>(
      "select kind, reason, actor from worker_event where worker_id = $1 order by id",
      [id],
    )
  ).map(({ kind, reason, actor }) => `${kind} by ${actor}: ${reason}`);

const facts = (id: WorkerId) =>
  rig.db.rows("select paused_by, pause_reason, is_draining from worker where id = $1", [id]);

test("many at once; those that are not there are left out, and foreign ones untouched", async () => {
  await rig.db.rows("insert into organization (id, slug, name) values (2, 'other', 'Other')");
  const eve = { orgId: 2 as OrgId, actor: "eve" };
  expect(await rig.fleet.control(eve, [w1, w2], "pause", "mine")).toEqual([]);
  await rig.db.rows("update worker set removed_at = now() where id = $1", [w2]);
  const ids = [w2, 999_999 as WorkerId, w1];
  expect(await rig.fleet.control(CALLER, ids, "pause", "noisy")).toEqual([w1]);
  expect(await facts(w1)).toMatchObject([{ paused_by: CALLER.actor, pause_reason: "noisy" }]);
  expect(await facts(w2)).toMatchObject([{ paused_by: null }]);
  expect(
    await rig.db.rows("select org_id, actor, action, subject, detail from audit_entry"),
  ).toEqual([
    {
      org_id: 1,
      actor: CALLER.actor,
      action: "worker.paused",
      subject: "w1",
      detail: { reason: "noisy" },
    },
  ]);
});

test("a pause during a build lets it end; the next waits until the unpause (A9)", async () => {
  const builder = await rig.addBuilder("b", [w1], [STEP]);
  let end = () => {};
  const ending = new Promise<void>((resolve) => {
    end = resolve;
  });
  const connected = await socket.connect("w1", {
    behaviour: async () => {
      await ending;
      return completed(0);
    },
  });
  const first = await rig.force(builder);
  await rig.build(first, isRunning);
  await until(() => connected.commands.length === 1);
  await rig.fleet.control(CALLER, [w1], "pause", "look");
  end();
  expect((await rig.build(first, isFinished)).result).toBe(SUCCESS);
  const second = await rig.force(builder);
  await rig.distribute();
  expect(await rig.request(second)).toMatchObject({ state: "pending" });
  await rig.fleet.control(CALLER, [w1], "unpause", "");
  expect((await rig.build(second, isFinished)).result).toBe(SUCCESS);
});

test("a pause and its reason outlive the connection and the process (W-085)", async () => {
  const connected = await socket.connect("w1");
  await rig.fleet.control(CALLER, [w1], "pause", "disk full");
  connected.lose();
  await until(() => socket.sessions.count() === 0);
  await socket.die();
  await rig.sweep();
  await (await rig.socket()).connect("w1");
  expect(await facts(w1)).toMatchObject([{ paused_by: CALLER.actor, pause_reason: "disk full" }]);
});

test("a graceful shutdown waits for the last build; nothing new begins (A10)", async () => {
  const builder = await rig.addBuilder("b", [w1], [STEP]);
  let end = () => {};
  const ending = new Promise<void>((resolve) => {
    end = resolve;
  });
  const connected = await socket.connect("w1", {
    behaviour: async () => {
      await ending;
      return completed(0);
    },
  });
  const first = await rig.force(builder);
  await rig.build(first, isRunning);
  await until(() => connected.commands.length === 1);
  await rig.fleet.control(CALLER, [w1], "drain", "upgrade");
  const second = await rig.force(builder);
  await socket.sessions.obey();
  expect(connected.shutdownRequests).toBe(0);
  end();
  expect((await rig.build(first, isFinished)).result).toBe(SUCCESS);
  await connected.closed;
  expect(connected.shutdownRequests).toBe(1);
  expect(await rig.request(second)).toMatchObject({ state: "pending" });
  // The next connection begins anew.
  await socket.connect("w1");
  expect((await rig.build(second, isFinished)).result).toBe(SUCCESS);
  expect(await facts(w1)).toMatchObject([{ is_draining: false }]);
});

test("a shutdown at once ends builds in RETRY, and they run elsewhere (A11)", async () => {
  const builder = await rig.addBuilder("b", [w1, w2], [STEP]);
  const connected = await socket.connect("w1", { behaviour: untilStopped });
  const request = await rig.force(builder);
  await rig.build(request, isRunning);
  await until(() => connected.commands.length === 1);
  await socket.connect("w2");
  await rig.fleet.control(CALLER, [w1], "kill", "stuck");
  const all = await until(async () => {
    const builds = await rig.builds(request);
    return builds.length === 2 && builds.every(isFinished) && builds;
  });
  expect(all).toMatchObject([
    { number: 1, result: RETRY, worker_id: w1 },
    { number: 2, result: SUCCESS, worker_id: w2 },
  ]);
  // A shutdown of ours is no fault of the worker's.
  expect(await rig.db.rows("select from worker where quarantine_count > 0")).toHaveLength(0);
});

test("who is not connected is only marked, and a shutdown at once is not softened again", async () => {
  await rig.fleet.control(CALLER, [w1], "drain", "");
  expect(await facts(w1)).toMatchObject([{ is_draining: true }]);
  await socket.connect("w2", { behaviour: untilStopped });
  socket.line.before = (text) => {
    if (text.includes("end_requested as how")) throw new Error("not yet");
  };
  await rig.fleet.control(CALLER, [w2], "kill", "");
  await rig.fleet.control(CALLER, [w2], "drain", "");
  expect(
    await rig.db.rows("select end_requested from worker_session where ended_at is null"),
  ).toEqual([{ end_requested: "kill" }]);
  socket.line.before = null;
});

test("a history says what happened, by whom and why", async () => {
  const connected = await socket.connect("w1", { address: "192.0.2.7" });
  await rig.fleet.control(CALLER, [w1], "pause", "look");
  await rig.fleet.control(CALLER, [w1], "unpause", "seen");
  connected.requestDrain();
  await connected.closed;
  await until(() => socket.sessions.count() === 0);
  const heir = await socket.connect("w1");
  heir.lose("cable pulled");
  await until(async () => (await history(w1)).length === 7);
  const killed = await socket.connect("w1");
  await rig.fleet.control(CALLER, [w1], "kill", "stuck");
  await killed.closed;
  await until(async () => (await history(w1)).length === 10);
  expect(await history(w1)).toEqual([
    expect.stringMatching(/^connected by worker: from 192\.0\.2\.7:\d+ by null$/),
    `paused by ${CALLER.actor}: look`,
    `unpaused by ${CALLER.actor}: seen`,
    "draining by worker: it asks to be shut down",
    expect.stringMatching(/^disconnected by worker: /),
    expect.stringMatching(/^connected by worker: /),
    "disconnected by worker: cable pulled",
    expect.stringMatching(/^connected by worker: /),
    `killed by ${CALLER.actor}: stuck`,
    expect.stringMatching(/^disconnected by worker: /),
  ]);
  expect(await history(w2)).toEqual([]);
});

test("what a process that died took with it is in the history of each of its workers", async () => {
  await socket.connect("w1");
  await socket.connect("w2");
  await socket.die();
  await Promise.all([rig.sweep(), rig.sweep()]);
  for (const id of [w1, w2]) {
    expect(await history(id)).toEqual([
      expect.stringMatching(/^connected/),
      "disconnected by jobs 1: the process that held it is gone",
    ]);
  }
});
