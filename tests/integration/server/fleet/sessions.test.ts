/**
 * One worker is one session: whoever comes second is judged by whether the first still answers, and
 * whatever happens to a connection, its row is ended (W-009, W-010, W-020 to W-024, W-080 to W-083).
 */
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { RETRY, SUCCESS } from "../../../../server/domain/builds";
import type { WorkerId } from "../../../../server/domain/ids";
import {
  attachSessions,
  endSessions,
  openSessions,
} from "../../../../server/fleet/sessions/session-store";
import { scripted, untilStopped } from "../../../../server/protocols/null";
import {
  CALLER,
  createRig,
  isFinished,
  type Rig,
  type SocketProcess,
  until,
} from "../../../support/engine-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let rig: Rig;
let socket: SocketProcess;
let worker: WorkerId;
beforeEach(async () => {
  rig = await createRig();
  socket = await rig.socket();
  worker = await rig.addWorker("w1");
});
afterEach(() => rig.close());

const open = () =>
  rig.db.rows<{ id: number; process_id: number }>(
    "select id, process_id from worker_session where ended_at is null",
  );
async function attached(): Promise<number | null> {
  const [row] = await rig.db.rows<{ session_id: number | null }>(
    "select session_id from worker where id = $1",
    [worker],
  );
  return row?.session_id ?? null;
}
const isDetached = () =>
  until(async () => (await attached()) === null && (await open()).length === 0);

test("attached, and gone again", async () => {
  const first = await socket.connect("w1");
  expect(await open()).toHaveLength(1);
  expect(await attached()).toBe((await open())[0]?.id);
  first.lose();
  await isDetached();
  expect(socket.sessions.count()).toBe(0);
  const events = await rig.db.rows<{ topic: string }>("select topic from outbox order by id");
  expect(events.map(({ topic }) => topic)).toEqual([
    `workers/${worker}/connected`,
    `workers/${worker}/disconnected`,
  ]);
});

test("a second connection is turned away while the first answers", async () => {
  const first = await socket.connect("w1");
  expect(await socket.tryConnect("w1")).toBeNull();
  expect(await open()).toHaveLength(1);
  first.lose();
  await isDetached();
});

test("of two that come at the same moment one is attached, and stays", async () => {
  const came = await Promise.all([1, 2, 3].map(() => socket.tryConnect("w1")));
  expect(came.filter((each) => each !== null)).toHaveLength(1);
  expect(await attached()).toBe((await open())[0]?.id);
  expect(socket.sessions.count()).toBe(1);
});

test("a first one that has gone silent makes room", async () => {
  const first = await socket.connect("w1");
  first.answersPings = false;
  const coming = socket.tryConnect("w1");
  first.lose();
  expect(await coming).not.toBeNull();
  await until(async () => (await attached()) === (await open())[0]?.id);
});

test("one that is held by a living process is judged there, and the new one need not come again", async () => {
  const other = await rig.socket();
  const first = await other.connect("w1");
  expect(await socket.tryConnect("w1")).toBeNull();
  expect(other.sessions.count()).toBe(1);
  first.answersPings = false;
  const coming = socket.tryConnect("w1");
  first.lose();
  expect(await coming).not.toBeNull();
  expect(other.sessions.count()).toBe(0);
  expect(await open()).toMatchObject([{ process_id: socket.id }]);
});

/** What our own workers say of themselves; a Python worker says nothing like it. */
const marked = (mark: string) => ({ facts: { keeps: mark } as object });

test("the same worker process wins over its old connection at once, wherever that is", async () => {
  const other = await rig.socket();
  const first = await other.connect("w1", marked("one"));
  const second = await socket.connect("w1", marked("one"));
  expect((await first.closed).message).toBe("the same worker process came again");
  expect(other.sessions.count()).toBe(0);
  const third = await socket.connect("w1", marked("one"));
  expect((await second.closed).message).toBe("the same worker process came again");
  expect(await open()).toMatchObject([{ process_id: socket.id }]);
  // Another process of that name, or one that has no mark, is not the same.
  expect(await socket.tryConnect("w1", marked("two"))).toBeNull();
  expect(await other.tryConnect("w1")).toBeNull();
  third.lose();
  await isDetached();
});

test("three hundred that come again in one instant, twice each: one connection each, none half-open", async () => {
  const names = Array.from({ length: 300 }, (_, n) => `many${n}`);
  await rig.db.rows(
    `insert into worker (org_id, name, login_name, kind, config, sealed_password)
     select 1, n, n, 'Worker', '{}', $2 from unnest($1::text[]) n`,
    [names, Buffer.from("pass")],
  );
  const other = await rig.socket();
  const before = await Promise.all(names.map((name) => other.connect(name)));
  // Their connections are lost on the way, and all are back while the ends are being written.
  for (const each of before) each.lose();
  const came = await Promise.all(
    [socket, other].flatMap((process) => names.map((name) => process.tryConnect(name))),
  );
  const rows = await rig.db.rows<{ process_id: number; is_live: boolean }>(
    `select s.process_id, w.session_id = s.id as is_live from worker_session s join worker w on w.id = s.worker_id
     where s.ended_at is null`,
  );
  expect(rows.filter((row) => row.is_live)).toHaveLength(300);
  expect(rows).toHaveLength(300);
  expect(came.filter((each) => each !== null)).toHaveLength(300);
  expect(socket.sessions.count() + other.sessions.count()).toBe(300);
});

test("a process that stops lets its workers go to another, those with a build when it is over", async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const other = await rig.socket();
  await rig.addWorker("idle");
  const builder = await rig.addBuilder("b", [worker], [STEP]);
  const busy = await socket.connect("w1", { behaviour: scripted({ wait: held }) });
  const resting = await socket.connect("idle");
  const request = await rig.force(builder);
  await until(() => busy.commands.length === 1);
  const over = socket.handOver();
  expect((await resting.closed).code).toBe("shutting-down");
  await until(async () => (await open()).length === 1);
  expect(await other.tryConnect("idle")).not.toBeNull();
  // Nobody comes in any more, nothing new begins, and what runs goes on.
  await expect(socket.tryConnect("idle")).rejects.toThrow("nobody listens");
  const pair = await rig.addBuilder("second", [worker], [STEP]);
  const next = await rig.force(pair);
  await rig.distribute();
  expect((await rig.request(next)).state).toBe("pending");
  release();
  await over;
  expect((await rig.build(request, isFinished)).result).toBe(SUCCESS);
  expect((await busy.closed).code).toBe("shutting-down");
  await until(async () => (await open()).every(({ process_id }) => process_id === other.id));
  await other.connect("w1");
  expect((await rig.build(next, isFinished)).result).toBe(SUCCESS);
});

test("who is heard of is written down", async () => {
  const seen = async () => {
    const [row] = await rig.db.rows<{ at: Date }>(
      "select last_seen_at as at from worker where id = $1",
      [worker],
    );
    return row?.at.getTime() ?? 0;
  };
  const connected = await socket.connect("w1");
  await rig.db.rows("update worker set last_seen_at = now() - interval '1 day'");
  const before = await seen();
  await socket.sessions.noteHeard();
  await rig.db.rows("update worker set last_seen_at = now() - interval '1 day'");
  await socket.sessions.noteHeard();
  expect(Math.abs((await seen()) - before)).toBeLessThan(60_000);
  await connected.ping(10_000);
  await socket.sessions.noteHeard();
  expect((await seen()) - before).toBeGreaterThan(80_000_000);
});

test("one that is held by a process that is gone makes room at once", async () => {
  const other = await rig.socket();
  await other.connect("w1");
  await other.die();
  expect(await socket.tryConnect("w1")).not.toBeNull();
  expect(await open()).toMatchObject([{ process_id: socket.id }]);
});

test("a connection that is lost while it attaches leaves nothing behind", async () => {
  socket.line.before = async (text) => {
    if (!text.includes("attached as")) return;
    const [session] = await open();
    const { connection } = socket.sessions.get(session?.id as never) ?? {};
    connection?.close({ code: "peer-reset", message: "cable pulled" });
    // The end of the session is on its way while the worker is being attached.
    await connection?.closed;
  };
  await socket.tryConnect("w1");
  await until(() => socket.logs.includes("worker detached"));
  await isDetached();
  expect(socket.sessions.count()).toBe(0);
});

test("an end that overtakes the attaching refuses it", async () => {
  socket.line.before = async (text) => {
    if (!text.includes("attached as")) return;
    await rig.db.rows("update worker_session set ended_at = now(), end_reason = 'test'");
  };
  expect(await socket.tryConnect("w1")).toBeNull();
  await isDetached();
  expect(socket.sessions.count()).toBe(0);
});

test("an end that waits for the attaching still detaches", async () => {
  // The end has begun before the attaching is committed, and is the last word nevertheless.
  const peer = { address: "::1", port: 1 };
  const hello = { loginName: "w1", protocol: "null", peer, generation: null } as const;
  const [opened] = await openSessions(rig.db, socket.id, [hello]);
  if (!opened?.sessionId) throw new Error("not opened");
  const { worker, sessionId } = opened;
  let ending: Promise<unknown> = Promise.resolve();
  await rig.db.transaction(async (tx) => {
    const facts = { version: "1", basedir: "/", numcpus: 1, environ: {}, info: {} } as never;
    const attaching = [{ workerId: worker.id, sessionId, facts }];
    expect(await attachSessions(tx, attaching)).toMatchObject([{ isLatent: false }]);
    ending = endSessions(rig.db, [{ sessionId, reason: "lost" }]);
    await until(async () => {
      const waiting = await rig.db.rows(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return waiting.length > 0;
    });
  });
  await ending;
  await isDetached();
});

test("two that come in the same moment: the first has it, and the row is its own", async () => {
  const hello = (port: number) =>
    ({
      loginName: "w1",
      protocol: "null",
      peer: { address: "::1", port },
      generation: null,
    }) as const;
  const stranger = { ...hello(3), loginName: "nobody" };
  const opened = await openSessions(rig.db, socket.id, [stranger, hello(1), hello(2)]);
  expect(opened.map((one) => one && typeof one.sessionId)).toEqual([null, "number", "object"]);
  const rows = await open();
  expect(rows).toHaveLength(1);
  const [row] = await rig.db.rows<{ peer: string }>(
    "select peer from worker_session where ended_at is null",
  );
  expect(row?.peer).toBe("::1:1");
  const sessionId = opened[1]?.sessionId;
  if (!sessionId) throw new Error("not opened");
  await endSessions(rig.db, [{ sessionId, reason: "test" }]);
});

test("a database that is away when a worker leaves is told later", async () => {
  const first = await socket.connect("w1");
  socket.line.state = "away";
  first.lose();
  await until(() => socket.logs.includes("worker detached"));
  expect(await open()).toHaveLength(1);
  socket.line.state = "up";
  await isDetached();
});

test("a database that is away at the door refuses, and the next try succeeds", async () => {
  socket.line.before = (text) => {
    if (!text.includes("attached as")) return;
    socket.line.before = null;
    throw Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  };
  expect(await socket.tryConnect("w1")).toBeNull();
  await isDetached();
  expect(await socket.tryConnect("w1")).not.toBeNull();
});

test("a drained worker finishes what runs and exits", async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const builder = await rig.addBuilder("b", [worker], [STEP]);
  const connected = await socket.connect("w1", { behaviour: scripted({ wait: held }) });
  const request = await rig.force(builder);
  await until(() => connected.commands.length === 1);
  await rig.fleet.control(CALLER, [worker], "drain", "maintenance");
  const next = await rig.force(builder);
  await socket.sessions.obey();
  expect(connected.shutdownRequests).toBe(0);
  release();
  expect((await rig.build(request, isFinished)).result).toBe(SUCCESS);
  await isDetached();
  expect(connected.shutdownRequests).toBe(1);
  expect(await rig.request(next)).toEqual({ state: "pending", result: null });
  // The next attach clears the flag.
  await socket.connect("w1");
  expect((await rig.build(next, isFinished)).result).toBe(SUCCESS);
});

test("an idle worker that is drained, by a person or by itself, exits at once", async () => {
  const first = await socket.connect("w1");
  await rig.fleet.control(CALLER, [worker], "drain", "");
  await isDetached();
  expect(first.shutdownRequests).toBe(1);
  const second = await socket.connect("w1");
  second.requestDrain();
  await isDetached();
  expect(second.shutdownRequests).toBe(1);
});

test("a worker that is killed exits at once, and its builds end in RETRY", async () => {
  const builder = await rig.addBuilder("b", [worker], [STEP]);
  const connected = await socket.connect("w1", { behaviour: untilStopped });
  const request = await rig.force(builder);
  await until(() => connected.commands.length === 1);
  await rig.fleet.control(CALLER, [worker], "kill", "stuck");
  expect((await rig.build(request, isFinished)).result).toBe(RETRY);
  await isDetached();
  expect((await rig.request(request)).state).toBe("pending");
});

test("a paused worker keeps its build and gets no other; unpausing wakes its builders", async () => {
  const builder = await rig.addBuilder("b", [worker], [STEP]);
  await socket.connect("w1");
  await rig.fleet.control(CALLER, [worker], "pause", "noisy");
  const request = await rig.force(builder);
  expect((await rig.request(request)).state).toBe("pending");
  await rig.fleet.control(CALLER, [worker], "unpause", "");
  expect((await rig.build(request, isFinished)).result).toBe(SUCCESS);
});

test("a changed configuration: builders come and go, a removed worker is dropped", async () => {
  const connected = await socket.connect("w1");
  expect(connected.builders).toEqual([]);
  await rig.addBuilder("b", [worker], []);
  await socket.sessions.reconfigure(CALLER.orgId);
  expect(connected.builders).toEqual([{ name: "b", builddir: "b" }]);
  await socket.sessions.reconfigure(999 as never);
  await rig.db.rows("update worker set removed_at = now()");
  await socket.sessions.reconfigure(null);
  await isDetached();
  expect(await socket.tryConnect("w1")).toBeNull();
});

test("a new password counts at the next login only", async () => {
  const connected = await socket.connect("w1");
  await rig.db.rows("update worker set sealed_password = $1", [Buffer.from("new")]);
  await socket.sessions.reconfigure(CALLER.orgId);
  expect(await attached()).not.toBeNull();
  connected.lose();
  await isDetached();
  expect(await socket.tryConnect("w1")).toBeNull();
  expect(await socket.tryConnect("w1", { password: "new" })).not.toBeNull();
});

test("a password in the secret store is read at each login", async () => {
  const set = (password: string) =>
    rig.db.rows(
      `insert into secret (org_id, name, sealed, updated_by) values (1, 'worker/w1/password', $1, 'ada')
       on conflict (org_id, name) do update set sealed = excluded.sealed`,
      [Buffer.from(password)],
    );
  await rig.db.rows("update worker set password_secret = 'worker/w1/password'");
  // A secret that is not there lets nobody in.
  expect(await socket.tryConnect("w1")).toBeNull();
  await set("one");
  const first = await socket.connect("w1", { password: "one" });
  await set("two");
  expect(await attached()).not.toBeNull();
  first.lose();
  await isDetached();
  expect(await socket.tryConnect("w1", { password: "one" })).toBeNull();
  expect(await socket.tryConnect("w1", { password: "two" })).not.toBeNull();
});

const configure = async (config: object) => {
  await rig.db.rows("update worker set config = $1", [JSON.stringify(config)]);
  await socket.sessions.reconfigure(CALLER.orgId);
};

test("keepalives come as configured, changed while connected too", async () => {
  const connected = await socket.connect("w1");
  expect(connected.keepaliveSeconds).toBe(3_600);
  await configure({ keepalive_interval: 60 });
  expect(connected.keepaliveSeconds).toBe(60);
  await configure({ keepalive_interval: null });
  expect(connected.keepaliveSeconds).toBeNull();
  connected.lose();
  await isDetached();
  expect((await socket.connect("w1")).keepaliveSeconds).toBeNull();
});

test("a worker comes from its allowed addresses only", async () => {
  const allowed = ["10.0.0.0/8", "2001:db8::/32"];
  await configure({ allowed_addresses: allowed });
  expect(await socket.tryConnect("w1", { address: "11.0.0.1" })).toBeNull();
  expect(await socket.tryConnect("w1", { address: "11.0.0.1", password: "guess" })).toBeNull();
  const [event] = await until(async () => {
    const rows = await rig.db.rows(
      "select reason, detail, peer from door_event where worker_id = $1",
      [worker],
    );
    return rows.length === 2 ? rows : null;
  });
  expect(event).toEqual({
    reason: "address-not-allowed",
    detail: "11.0.0.1 is not in allowed_addresses",
    peer: "11.0.0.1",
  });
  const connected = await socket.connect("w1", { address: "10.1.2.3" });
  await configure({ allowed_addresses: ["10.1.2.0/24"] });
  expect(await attached()).not.toBeNull();
  await configure({ allowed_addresses: ["10.9.0.0/16"] });
  expect((await connected.closed).message).toBe("10.1.2.3 is no longer in allowed_addresses");
  await isDetached();
});

test("what is configured while a worker attaches counts for it", async () => {
  let release = () => {};
  const ready = new Promise<void>((resolve) => {
    release = resolve;
  });
  const connecting = socket.tryConnect("w1", { ready });
  await until(async () => (await open()).length === 1);
  await rig.db.rows("update worker set removed_at = now()");
  await socket.sessions.reconfigure(CALLER.orgId);
  release();
  await connecting;
  await isDetached();
  expect(await open()).toEqual([]);
});

test("a name that no database takes disturbs nobody who comes in the same moment", async () => {
  const names = ["w1\0", "\0", "\ud800", "'; drop table worker; --", "x".repeat(1_024)];
  const coming = [...names, "w1", ...names].map((name) => socket.tryConnect(name));
  const came = await Promise.all(coming);
  expect(came.map((each) => each !== null)).toEqual([
    ...names.map(() => false),
    true,
    ...names.map(() => false),
  ]);
  expect(
    socket.logs.filter((line) => line !== "worker refused" && line !== "worker attached"),
  ).toEqual([]);
});

test("who guesses is not looked at for a while; others from there come in", async () => {
  // What a slow machine takes for it must not count as waiting.
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  await rig.addWorker("w2");
  for (let n = 0; n < 15; n += 1) await socket.tryConnect("w1", { password: `guess${n}` });
  expect(await socket.tryConnect("w1")).toBeNull();
  expect(await socket.tryConnect("w2")).not.toBeNull();
  expect(await socket.tryConnect("w1", { address: "10.0.0.9" })).not.toBeNull();
  const reasons = await until(async () => {
    const rows = await rig.db.rows<{ reason: string }>("select reason from door_event");
    return rows.length === 16 ? rows.map(({ reason }) => reason) : null;
  });
  expect(reasons.filter((reason) => reason === "wrong-password")).toHaveLength(10);
  expect(reasons.filter((reason) => reason === "too-many-failures")).toHaveLength(6);
});

test("refusals are written for people to see, but not without end", async () => {
  for (let n = 0; n < 60; n += 1)
    await socket.tryConnect(`stranger\u0007${n}`, { address: "10.0.0.1" });
  await socket.tryConnect("w1", { password: "wrong", address: "10.0.0.2" });
  const events = await until(async () => {
    const rows = await rig.db.rows<{ peer: string; reason: string; worker_id: number | null }>(
      "select peer, reason, worker_id from door_event",
    );
    return rows.some(({ peer }) => peer === "10.0.0.2") ? rows : null;
  });
  expect(events.filter(({ peer }) => peer === "10.0.0.1").length).toBeLessThanOrEqual(20);
  expect(events.find(({ peer }) => peer === "10.0.0.2")).toMatchObject({
    reason: "wrong-password",
    worker_id: worker,
  });
  expect(socket.logs.filter((line) => line === "worker refused")).toHaveLength(61);
});
