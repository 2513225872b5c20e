/**
 * What a process leaves behind is ended once and begun again elsewhere; nothing stays unfinished
 * (HOUSE, Ownership 1; B18).
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { CANCELLED, RETRY, SUCCESS } from "../../../../server/domain/builds";
import { declareDeadGone, declarePidGone, holdLease } from "../../../../server/engine";
import {
  FENCE_MS as fenceMs,
  LEASE_SECONDS as leaseSeconds,
} from "../../../../server/engine/lease";
import { untilStopped } from "../../../../server/protocols/null";
import {
  CALLER,
  createRig,
  isFinished,
  isRunning,
  type Rig,
  until,
} from "../../../support/engine-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

/** A build that runs in a process which then dies. */
async function dead({ isStopping = false } = {}) {
  const socket = await rig.socket();
  const worker = await rig.addWorker("w1");
  const builder = await rig.addBuilder("b", [worker], [STEP, { ...STEP, name: "next" }]);
  const connected = await socket.connect("w1", {
    behaviour: async (running) => {
      await running.sink.output("stdout", Buffer.from("half of it\n"));
      return untilStopped(running);
    },
  });
  const request = await rig.force(builder);
  const build = await rig.build(request, isRunning);
  await until(() => connected.commands.length === 1);
  await until(async () => (await rig.db.rows("select from log where state = 'open'")).length > 0);
  if (isStopping) {
    socket.line.state = "dead";
    await rig.commands.stopBuild(CALLER, build.id, { reason: "" });
  }
  rig.isDistributing = false;
  await socket.die();
  return { request, build, worker, socket };
}

test("builds of a process that died end in RETRY, with their steps and logs", async () => {
  const { request, build } = await dead();
  await Promise.all([rig.sweep(), rig.sweep(), rig.sweep()]);
  expect(await rig.builds(request)).toMatchObject([
    { state: "finished", result: RETRY, state_string: "retry: the process that ran it is gone" },
  ]);
  expect((await rig.steps(build.id)).map(({ state, result }) => [state, result])).toEqual([
    ["finished", RETRY],
    ["skipped", 3],
  ]);
  expect(await rig.db.rows("select line_count from log where state = 'finished'")).toEqual([
    { line_count: 1 },
  ]);
  expect(await rig.request(request)).toEqual({ state: "pending", result: null });
  expect(await rig.db.rows("select from worker where session_id is not null")).toHaveLength(0);
  // Of the build nothing is waited for; of the worker, that it comes back.
  expect(await rig.db.rows("select kind from deadline")).toEqual([{ kind: "worker-missing" }]);
  // Three sweeps at once did it once.
  const topics = await rig.db.rows<{ topic: string }>(
    "select topic from outbox where topic like '%/finished' or topic like '%/disconnected' or topic like '%/unclaimed'",
  );
  expect(new Set(topics.map(({ topic }) => topic)).size).toBe(topics.length);

  rig.isDistributing = true;
  const heir = await rig.socket();
  await heir.connect("w1");
  expect(
    await rig
      .build(request, isFinished)
      .then(() =>
        until(() =>
          rig.builds(request).then((all) => all.length === 2 && all.every(isFinished) && all),
        ),
      ),
  ).toMatchObject([
    { number: 1, result: RETRY },
    { number: 2, result: SUCCESS },
  ]);
});

test("a build that was to be stopped when its process died is cancelled, not repeated", async () => {
  const { request } = await dead({ isStopping: true });
  await rig.sweep();
  expect(await rig.builds(request)).toMatchObject([{ result: CANCELLED }]);
  expect(await rig.request(request)).toEqual({ state: "done", result: CANCELLED });
});

test("one build that cannot be ended does not keep the others from being ended", async () => {
  const socket = await rig.socket();
  const worker = await rig.addWorker("w1");
  await socket.connect("w1", { behaviour: untilStopped });
  const first = await rig.force(await rig.addBuilder("b1", [worker], [STEP]));
  const second = await rig.force(await rig.addBuilder("b2", [worker], [STEP]));
  const poison = await rig.build(first, isRunning);
  await rig.build(second, isRunning);
  rig.isDistributing = false;
  await socket.die();
  await rig.db.rows(
    `create function refuse() returns trigger language plpgsql as $$ begin
       if old.id = ${poison.id} then raise exception 'poison'; end if; return new; end $$`,
  );
  await rig.db.rows(
    "create trigger refuse before update on build for each row execute function refuse()",
  );
  await rig.sweep();
  expect(await rig.builds(second)).toMatchObject([{ result: RETRY }]);
  expect(await rig.builds(first)).toMatchObject([{ state: "running" }]);
});

test("a claim that its process does nothing about is taken away in time", async () => {
  const socket = await rig.socket();
  const worker = await rig.addWorker("w1");
  const builder = await rig.addBuilder("b", [worker], [STEP]);
  await socket.connect("w1");
  socket.line.state = "dead";
  const request = await rig.force(builder);
  await rig.build(request);
  await rig.sweep();
  expect(await rig.builds(request)).toMatchObject([{ state: "preparing" }]);
  rig.isDistributing = false;
  await rig.db.rows("update deadline set fire_at = now() - interval '1 second'");
  await rig.sweep();
  expect(await rig.builds(request)).toMatchObject([{ state: "finished", result: RETRY }]);
});

test("a deadline that was met in time takes nothing away", async () => {
  const socket = await rig.socket();
  const worker = await rig.addWorker("w1");
  const builder = await rig.addBuilder("b", [worker], [STEP]);
  await socket.connect("w1", { behaviour: untilStopped });
  const request = await rig.force(builder);
  const build = await rig.build(request, isRunning);
  const { takeAway } = await import("../../../../server/engine");
  const deadline = { kind: "build-preparing", buildId: build.id, reason: "late" };
  expect(await takeAway(rig.db, deadline, "jobs")).toBeNull();
  expect(await rig.builds(request)).toMatchObject([{ state: "running" }]);
});

test("a claim for a session that has vanished is one RETRY, and runs where it can", async () => {
  const socket = await rig.socket();
  const ids = [await rig.addWorker("w1"), await rig.addWorker("w2")];
  const builder = await rig.addBuilder("b", ids, [STEP]);
  const first = await socket.connect("w1");
  // Claimed for w1 while its connection is already gone and the end of its session not written.
  let isClaimed = false;
  socket.line.before = (text) =>
    text.includes("ended as") && !isClaimed ? until(() => isClaimed).then(() => {}) : undefined;
  first.lose();
  await until(() => socket.logs.includes("worker detached"));
  const request = await rig.force(builder);
  await rig.build(request);
  isClaimed = true;
  await rig.build(request, isFinished);
  await socket.connect("w2");
  const all = await until(() =>
    rig.builds(request).then((builds) => builds.length === 2 && builds.every(isFinished) && builds),
  );
  expect(all).toMatchObject([{ result: RETRY }, { result: SUCCESS, worker_id: ids[1] }]);
});

test("a session that its row alone still believes in is ended, not built on again and again", async () => {
  const socket = await rig.socket();
  const worker = await rig.addWorker("w1");
  const builder = await rig.addBuilder("b", [worker], [STEP]);
  await rig.db.rows(
    `with s as (insert into worker_session (org_id, worker_id, process_id, protocol, peer)
       values (1, $1, $2, 'null', 'nowhere') returning id)
     update worker set session_id = (select id from s)`,
    [worker, socket.id],
  );
  const request = await rig.force(builder);
  await until(
    async () => (await rig.db.rows("select from worker where session_id is null")).length > 0,
  );
  await until(async () => (await rig.request(request)).state === "pending");
  expect(await rig.builds(request)).toMatchObject([{ result: RETRY }]);
});

test("a lease is renewed, lapses, and is seen to be gone", async () => {
  const errors: unknown[] = [];
  const lease = await holdLease(rig.db, {
    kind: "socket",
    host: "here",
    pid: 4711,
    onError: (error) => errors.push(error),
  });
  expect(leaseSeconds * 1000).toBeGreaterThan(fenceMs + 5_000);
  expect(await declarePidGone(rig.db, "here", 4711, "it crashed")).toBe(1);
  // Its own renewal finds out.
  expect(await lease.fenced).toContain("gone");
  await rig.db.rows(
    "insert into process (kind, host, pid, lease_expires_at) values ('web', 'x', 1, now() - interval '1 second')",
  );
  await rig.sweep();
  expect(await rig.db.rows("select gone_reason from process order by id")).toEqual([
    { gone_reason: "it crashed" },
    { gone_reason: "its lease lapsed" },
  ]);
});

test("at a start, processes of this host that are not there any more are declared gone", async () => {
  await rig.db.rows(
    `insert into process (kind, host, pid, lease_expires_at)
     select 'socket', host, pid, now() + interval '30 seconds'
     from (values ('here', 11), ('here', 12), ('there', 11)) as p (host, pid)`,
  );
  expect(await declareDeadGone(rig.db, "here", (pid) => pid === 12)).toBe(1);
  expect(
    await rig.db.rows(
      "select host, pid from process where pid in (11, 12) and gone_at is not null",
    ),
  ).toEqual([{ host: "here", pid: 11 }]);
});
