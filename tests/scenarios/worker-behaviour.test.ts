// Guarantee: with real workers and a real mail server, over killed processes: a worker whose builds break
// rests and comes back by itself; what a person asked of a worker holds; a lost worker is told of once
// (A8, A10 to A14, A28).
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStorm, type Storm } from "../storm/storm";
import {
  type BuildbotWorker,
  hasBuildbotWorker,
  startBuildbotWorker,
} from "../support/buildbot-worker";
import { header, type MailServer, startMailServer } from "../support/mail-server";
import { startSlipwayWorker } from "../support/slipway-worker";

const [SUCCESS, FAILURE, EXCEPTION, RETRY] = [0, 2, 4, 5];
const ADDRESSES = ["ops@example.org", "ada@example.org"];

const step = (command: string) => ({ type: "ShellCommand", command, logEnviron: false });
const builder = (name: string, workernames: readonly string[], command: string) => ({
  ...{ name, workernames, factory: [step(command)] },
});
const worker = (name: string, more: object = {}) => ({
  type: "Worker",
  name,
  password: "pass",
  ...more,
});

const CONFIG = {
  workers: [
    worker("s1"),
    worker("s2"),
    worker("ours"),
    worker("lost", { missing_timeout: 3, notify_on_missing: ADDRESSES }),
    worker("other", { missing_timeout: 1, notify_on_missing: "marker@example.org" }),
  ],
  projects: {
    p: {
      builders: [
        builder("green", ["s1"], "echo done"),
        builder("red", ["s1"], "exit 1"),
        // Nobody ever sets it: its steps cannot be made.
        builder("broken", ["s1"], "echo %(secret:nobody-has-set-this)s"),
        builder("slow", ["s2"], "echo begun; sleep 4; echo end"),
        builder("long", ["s1", "s2"], "sleep 600"),
        builder("kept", ["ours"], "echo begun; sleep 600"),
        builder("idle", ["lost", "other"], "echo done"),
      ],
    },
  },
};

interface Build {
  readonly number: number;
  readonly state: string;
  readonly result: number | null;
  readonly worker: string;
}
interface Worker {
  readonly until: Date | null;
  readonly seconds: number;
  readonly isResting: boolean;
}

describe.runIf(hasBuildbotWorker())("workers", () => {
  let storm: Storm;
  let mails: MailServer;
  /** The last of each name, and all that were ever started. */
  const extra = new Map<string, BuildbotWorker>();
  const started: BuildbotWorker[] = [];

  beforeAll(async () => {
    mails = await startMailServer();
    storm = await openStorm({
      workers: ["s1", "s2"],
      env: {
        SLIPWAY_SMTP_URL: `smtp://127.0.0.1:${mails.port}`,
        SLIPWAY_MAIL_FROM: "Slipway <ci@example.org>",
      },
    });
    await storm.slipway.apply(CONFIG);
  });

  afterAll(async () => {
    for (const one of started) await one.stop();
    await storm?.stop();
    await mails?.close();
  });

  const start = async (name: string, args: readonly string[] = []) => {
    const where = { host: "127.0.0.1", port: storm.slipway.pbPort };
    const made = await startBuildbotWorker({
      ...where,
      ...{ name, password: "pass", args: ["--maxdelay=2", ...args] },
    });
    extra.set(name, made);
    started.push(made);
    await storm.connected(name);
    return made;
  };
  const buildOf = async (request: number, isSo: (build: Build) => boolean) => {
    const [build] = await storm.until<Build>(
      `a build of request ${request}`,
      `select b.number, b.state, b.result, w.name as worker from build b join worker w on w.id = b.worker_id
       where b.build_request_id = $1 order by b.id desc`,
      [request],
      ([first]) => first !== undefined && isSo(first),
    );
    return build as Build;
  };
  const isOver = ({ state }: Build) => state === "finished";
  const isRunning = ({ state }: Build) => state === "running";
  let keys = 0;
  const request = (name: string) => storm.request(name, `behaviour-${++keys}`);
  const ended = async (name: string) => buildOf(await request(name), isOver);

  const s1 = async () =>
    (
      await storm.rows<Worker>(
        `select quarantined_until as until, quarantine_seconds as seconds,
           coalesce(quarantined_until > now(), false) as "isResting" from worker where name = 's1'`,
      )
    )[0] as Worker;
  const shown = async (name: string) =>
    (await storm.slipway.get<{ workers: Record<string, unknown>[] }>(`workers/${name}`)).workers[0];
  /** The rest of s1 is over, by the clock; whoever notices. */
  const timePasses = () =>
    storm.rows(
      `with d as (update deadline set fire_at = now() where kind = 'worker-quarantine')
       update worker set quarantined_until = now() where name = 's1'`,
    );
  /** Everybody's successor has its lease. */
  const restarted = async (...names: ("jobs" | "socket")[]) => {
    const killed = names.map((name) => storm.slipway.kill(name));
    await storm.until<{ pid: number }>(
      `successors of ${names.join(", ")}`,
      `select pid from process where kind = any($1) and gone_at is null and lease_expires_at > now()
       and pid <> all($2)`,
      [names, killed],
      (rows) => rows.length === names.length,
    );
    await storm.slipway.healthy();
  };

  test("a rest outlives its processes, ends by itself, and doubles (A12, A14)", async () => {
    expect((await ended("broken")).result).toBe(EXCEPTION);
    const before = await s1();
    expect(before).toMatchObject({ isResting: true, seconds: 10 });
    expect(await shown("s1")).toMatchObject({
      quarantine: { timeout: 10, reason: expect.stringContaining("build #1 of broken: ") },
    });
    const waiting = await request("green");
    await restarted("jobs", "socket");
    expect((await s1()).until).toEqual(before.until);
    // Nobody does anything: the alarm, or the sweep behind it, wakes the distributor.
    const build = await buildOf(waiting, isOver);
    expect(build.result).toBe(SUCCESS);
    const [began] = await storm.rows<{ isLater: boolean }>(
      `select created_at >= $2 as "isLater" from build where build_request_id = $1 order by id limit 1`,
      [waiting, before.until],
    );
    expect(began?.isLater).toBe(true);

    // The green one has cleared the count.
    for (const seconds of [10, 20, 40]) {
      expect((await ended("broken")).result).toBe(EXCEPTION);
      expect(await s1()).toMatchObject({ isResting: true, seconds });
      await timePasses();
    }
    expect((await ended("red")).result).toBe(FAILURE);
    expect((await ended("broken")).result).toBe(EXCEPTION);
    expect(await s1()).toMatchObject({ isResting: true, seconds: 10 });
  });

  test("unpause ends a rest at once; the next one is doubled (A13)", async () => {
    await timePasses();
    expect((await ended("red")).result).toBe(FAILURE);
    await ended("broken");
    const waiting = await request("broken");
    await storm.slipway.call("workers/s1", "unpause", { reason: "looked at" });
    expect((await buildOf(waiting, isOver)).result).toBe(EXCEPTION);
    expect(await s1()).toMatchObject({ isResting: true, seconds: 20 });
    await storm.slipway.call("workers/s1", "unpause");
    expect((await ended("green")).result).toBe(SUCCESS);
  });

  test("a pause keeps its reason over a restart of everything (A14)", async () => {
    await storm.slipway.call("workers/s1", "pause", { reason: "disk full" });
    storm.slipway.kill("supervisor", "SIGTERM");
    await storm.slipway.exited();
    await storm.slipway.startAgain();
    await storm.connected("s1", "s2");
    expect(await shown("s1")).toMatchObject({ paused: true, pause_reason: "disk full" });
    await storm.slipway.call("workers/s1", "unpause");
  });

  test("a shutdown at once: RETRY, and the request runs elsewhere (A11)", async () => {
    const long = await request("long");
    const { worker: first } = await buildOf(long, isRunning);
    const victim = storm.workers.get(first) as BuildbotWorker;
    await storm.slipway.call(`workers/${first}`, "kill", { reason: "stuck" });
    expect(await victim.exited).toBe(0);
    const second = await buildOf(long, (build) => isRunning(build) && build.worker !== first);
    expect(second.number).toBe(2);
    const [lost] = await storm.rows<{ result: number }>(
      "select result from build where build_request_id = $1 order by id limit 1",
      [long],
    );
    expect(lost?.result).toBe(RETRY);
    await storm.slipway.call(`buildrequests/${long}`, "cancel", { reason: "seen" });
    await buildOf(long, isOver);
    await start(first);
  });

  test("a shutdown at once ends builds on our own worker too, which would keep them", async () => {
    const where = { port: storm.slipway.pbPort, name: "ours", password: "pass" };
    const first = await startSlipwayWorker(where);
    await storm.connected("ours");
    const kept = await request("kept");
    await buildOf(kept, isRunning);
    await storm.slipway.call("workers/ours", "kill", { reason: "stuck" });
    expect(await first.exited).toBe(0);
    expect(await buildOf(kept, isOver)).toMatchObject({ number: 1, result: RETRY });
    await storm.slipway.call(`buildrequests/${kept}`, "cancel", { reason: "seen" });
    await first.stop();
    const [state] = await storm.rows<{ count: number }>(
      "select quarantine_count as count from worker where name = 'ours'",
    );
    expect(state?.count).toBe(0);
  });

  test("a graceful shutdown waits for the build; the program ends in order (A10)", async () => {
    const slow = await request("slow");
    await buildOf(slow, isRunning);
    await storm.slipway.call("workers/s2", "stop", { reason: "upgrade" });
    expect(await shown("s2")).toMatchObject({ graceful: true });
    const next = await request("slow");
    expect((await buildOf(slow, isOver)).result).toBe(SUCCESS);
    expect(await (extra.get("s2") ?? storm.workers.get("s2"))?.exited).toBe(0);
    await start("s2", ["--allow-shutdown=signal"]);
    expect((await buildOf(next, isOver)).result).toBe(SUCCESS);
  });

  test("a worker that asks for it is shut down after its build (A28)", async () => {
    const slow = await request("slow");
    await buildOf(slow, isRunning);
    extra.get("s2")?.signal("SIGHUP");
    await storm.until<{ kind: string }>(
      "s2 draining",
      `select e.kind from worker_event e join worker w on w.id = e.worker_id
       where w.name = 's2' and e.kind = 'draining' and e.actor = 'worker'`,
      [],
      (rows) => rows.length === 1,
    );
    expect(await shown("s2")).toMatchObject({ graceful: true });
    expect((await buildOf(slow, isOver)).result).toBe(SUCCESS);
    expect(await extra.get("s2")?.exited).toBe(0);
  });

  test("a lost worker: one mail to both, none after restarts, a second for a second loss (A8)", async () => {
    const told = () => mails.mails.filter(({ to }) => to.includes("ops@example.org"));
    const untilTold = (count: number) =>
      storm.until<{ sent: number }>(
        `${count} losses told`,
        `select count(distinct loss_id)::int as sent from worker_mail
         where recipient = 'ops@example.org' and sent_at is not null`,
        [],
        ([row]) => row?.sent === count,
      );
    // Both were never there: one loss each since they were configured.
    await untilTold(1);
    const lost = await start("lost");
    await lost.kill();
    await untilTold(2);
    await restarted("socket", "jobs");
    storm.slipway.kill("supervisor", "SIGTERM");
    await storm.slipway.exited();
    await storm.slipway.startAgain();
    // Whoever would tell of it again has had the occasion when another loss has come through.
    const other = await start("other");
    await other.kill();
    await storm.until<{ n: number }>(
      "the other is told of",
      `select count(*)::int as n from worker_mail
       where recipient = 'marker@example.org' and sent_at is not null`,
      [],
      ([row]) => row?.n === 2,
    );
    await start("lost");
    await extra.get("lost")?.kill();
    await untilTold(3);
    expect(told().map(({ to }) => to)).toEqual([ADDRESSES, ADDRESSES, ADDRESSES]);
    expect(told().map(({ raw }) => header(raw, "Subject"))).toEqual(
      told().map(() => ["Buildbot worker lost missing"]),
    );
    expect(new Set(told().map(({ raw }) => header(raw, "Message-ID")[0])).size).toBe(3);
  });
});
