/**
 * A worker that is away for too long is told of in one mail, whatever restarts in between; when it has
 * been there again and is lost again, in another (W-070 to W-075, A8). The mail server is a real one.
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { WorkerId } from "../../../../../server/domain/ids";
import { doorsOpened, tellOfLoss } from "../../../../../server/fleet";
import { createMailers } from "../../../../../server/processes/mailers";
import { databaseSecrets } from "../../../../../server/secrets/database";
import {
  CALLER,
  createRig,
  RIG_KEY,
  type Rig,
  type SocketProcess,
  until,
} from "../../../../support/engine-rig";
import { header, type MailServer, said, startMailServer } from "../../../../support/mail-server";

const ADDRESSES = ["ops@example.org", "ada@example.org"];

let rig: Rig;
let socket: SocketProcess;
let worker: WorkerId;
let mails: MailServer;

beforeEach(async () => {
  rig = await createRig();
  socket = await rig.socket();
  mails = await startMailServer();
  worker = await rig.addWorker("w1");
  await configure({ notify_on_missing: ADDRESSES, missing_timeout: 3 });
});
afterEach(async () => {
  await mails.close();
  await rig.close();
});

const configure = (config: object, id = worker) =>
  rig.db.rows("update worker set config = $2 where id = $1", [id, JSON.stringify(config)]);

interface Loss {
  readonly id: number;
  readonly isNoticed: boolean;
  readonly isBack: boolean;
  readonly note: string | null;
}
const losses = () =>
  rig.db.rows<Loss>(
    `select id, noticed_at is not null as "isNoticed", back_at is not null as "isBack", note
     from worker_loss order by id`,
  );

async function lose() {
  const connected = await socket.connect("w1", {
    facts: { info: { admin: "Ada <a@x>\r\nBcc: y" } },
  });
  connected.lose("cable pulled");
  await until(async () => (await losses()).some(({ isBack }) => !isBack));
  await until(() => socket.sessions.count() === 0);
}

/** All deadlines pass, as far as they are there. */
const timePasses = () =>
  rig.db.rows(
    `with m as (update worker_mail set next_try_at = now() - interval '1 s', claimed_until = claimed_until - interval '1 day')
     update deadline set fire_at = now() - interval '1 s' where kind like 'worker-%'`,
  );

/** One pass of a `jobs` process: deadlines, then the mails they ask for. */
async function work(options: { readonly url?: string | null; readonly isHosted?: boolean } = {}) {
  await rig.deadlines();
  const lossIds = [...rig.toTell];
  rig.toTell.clear();
  const smtpUrl = options.url === undefined ? `smtp://127.0.0.1:${mails.port}` : options.url;
  const mailerFor = createMailers({
    db: rig.db,
    secrets: databaseSecrets(rig.db, RIG_KEY),
    isHosted: options.isHosted ?? false,
    now: Date.now,
    mail: smtpUrl ? { smtpUrl, from: "Slipway <ci@example.org>" } : null,
  });
  for (const lossId of lossIds) await tellOfLoss({ ...telling, mailerFor }, lossId);
}

const telling = {
  get db() {
    return rig.db;
  },
  actor: "jobs 1",
  publicUrl: "https://ci.example.org",
  announce: () => {},
  alarm: () => {},
  log: () => {},
  insist: <T>(_: string, work: () => Promise<T>) => work(),
};

const history = async (...kinds: string[]) =>
  (
    await rig.db.rows<{ kind: string; reason: string }>(
      "select kind, reason from worker_event where kind = any($1) order by id",
      [kinds],
    )
  ).map(({ kind, reason }) => `${kind}: ${reason}`);

test("one mail to both; a second look, and a restart, give none; a second loss gives a second", async () => {
  await lose();
  await work();
  expect(mails.mails).toHaveLength(0);
  await timePasses();
  await Promise.all([work(), work(), work()]);
  expect(mails.mails.map(({ to }) => to)).toEqual([ADDRESSES]);
  const [mail] = mails.mails;
  const raw = mail?.raw ?? "";
  expect(header(raw, "Subject")).toEqual(["Buildbot worker w1 missing"]);
  expect(header(raw, "To")).toEqual([ADDRESSES.join(", ")]);
  expect(header(raw, "From")).toEqual(["Slipway <ci@example.org>"]);
  expect(header(raw, "Bcc")).toEqual([]);
  expect(header(raw, "Auto-Submitted")).toEqual(["auto-generated"]);
  expect(raw).toContain("Ada <a@x> Bcc: y");
  expect(raw).toContain(`https://ci.example.org/main/workers/${worker}`);
  expect(raw).toMatch(/not been connected for 3 seconds/);
  expect(raw).toMatch(/Last seen: +20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
  expect(await rig.db.rows("select from outbox where topic like '%/missing'")).toHaveLength(1);

  // Every process is started anew.
  await socket.die();
  await rig.sweep();
  socket = await rig.socket();
  await doorsOpened(rig.db, socket.id);
  await timePasses();
  await work();
  expect(mails.mails).toHaveLength(1);
  expect(await losses()).toMatchObject([{ isNoticed: true, isBack: false }]);

  await lose();
  await timePasses();
  await work();
  expect(mails.mails.map(({ to }) => to)).toEqual([ADDRESSES, ADDRESSES]);
  const ids = mails.mails.map(({ raw }) => header(raw, "Message-ID")[0]);
  expect(new Set(ids).size).toBe(2);
  expect(await history("missing", "back", "notified")).toEqual([
    "missing: not connected for 3 s",
    expect.stringMatching(
      /^notified: to ada@example.org, ops@example.org: 127.0.0.1:\d+ said: 250/,
    ),
    expect.stringMatching(/^back: it was missing since/),
    "missing: not connected for 3 s",
    expect.stringMatching(/^notified: /),
  ]);
});

test("whoever comes back in time is no loss", async () => {
  await lose();
  await socket.connect("w1");
  expect(await losses()).toEqual([]);
  expect(await rig.db.rows("select from deadline")).toHaveLength(0);
});

test("whoever comes back at the last moment, its loss not yet forgotten, is not missing", async () => {
  await lose();
  await rig.db.rows(
    `with s as (insert into worker_session (org_id, worker_id, process_id, protocol, peer)
       values (1, $1, $2, 'null', 'x') returning id) update worker set session_id = (select id from s)`,
    [worker, socket.id],
  );
  await timePasses();
  await work();
  expect(mails.mails).toHaveLength(0);
  expect(await history("missing")).toEqual([]);
});

test("a thousand that are lost together are a thousand rows and a few alarms", async () => {
  const before = rig.alarms.size;
  const names = Array.from({ length: 40 }, (_, n) => `many-${n}`);
  for (const name of names) await rig.addWorker(name);
  const all = await Promise.all(names.map((name) => socket.connect(name)));
  for (const each of all) each.lose();
  await until(async () => (await losses()).length === names.length);
  expect(rig.alarms.size - before).toBeLessThan(names.length / 2);
});

test("nobody is missing while no door is open, and then everybody gets the whole time again", async () => {
  await lose();
  await timePasses();
  await rig.db.rows("update process set gone_at = now()");
  await work();
  expect(await losses()).toMatchObject([{ isNoticed: false }]);
  socket = await rig.socket();
  await rig.db.rows("update process set ready_at = null where id = $1", [socket.id]);
  await work();
  expect(await losses()).toMatchObject([{ isNoticed: false }]);
  await doorsOpened(rig.db, socket.id);
  await work();
  expect(await losses()).toMatchObject([{ isNoticed: false }]);
  await timePasses();
  await work();
  expect(await losses()).toMatchObject([{ isNoticed: true }]);
});

test("a second process that opens its doors postpones nothing", async () => {
  await lose();
  await timePasses();
  await doorsOpened(rig.db, (await rig.socket()).id);
  await work();
  expect(mails.mails).toHaveLength(1);
});

test("one that was never there is waited for from when the doors open (W-070)", async () => {
  await doorsOpened(rig.db, socket.id);
  await doorsOpened(rig.db, socket.id);
  expect(await losses()).toHaveLength(1);
  await timePasses();
  await work();
  expect(mails.mails).toHaveLength(1);
  expect(mails.mails[0]?.raw).toMatch(/Last seen: +never; expected since/);
});

test("0 is never, and a worker that was removed is not told of (W-073)", async () => {
  await configure({ notify_on_missing: ADDRESSES, missing_timeout: 0 });
  const connected = await socket.connect("w1");
  connected.lose();
  await until(() => socket.sessions.count() === 0);
  expect(await losses()).toEqual([]);
  await configure({ notify_on_missing: ADDRESSES, missing_timeout: 3 });
  await lose();
  await rig.db.rows("update worker set removed_at = now()");
  await timePasses();
  await work();
  expect(mails.mails).toHaveLength(0);
});

test("without addresses there is the event and no mail; without a mailer, the reason too", async () => {
  await configure({ missing_timeout: 3 });
  await lose();
  await timePasses();
  await work();
  expect(await history("missing", "notified", "not-notified")).toEqual([
    "missing: not connected for 3 s",
  ]);
  await configure({ missing_timeout: 3, notify_on_missing: "one@example.org" });
  await lose();
  await timePasses();
  await work({ url: null });
  expect((await losses()).at(-1)?.note).toMatch(/^no mailer configured/);
  expect((await history("not-notified")).at(-1)).toMatch(
    /^not-notified: one@example.org: no mailer configured/,
  );
  // It is said once, and is no work for ever.
  await timePasses();
  await work({ url: null });
  expect(await history("not-notified")).toHaveLength(1);
  expect(await rig.db.rows("select from deadline")).toHaveLength(0);
});

test("greylisting and refusals are tried again, for those alone who have not got it", async () => {
  mails.refuse = (recipient) =>
    recipient === "ada@example.org" ? { code: 451, text: "4.7.1 Greylisted, come back" } : null;
  await lose();
  await timePasses();
  await work();
  expect(mails.mails.map(({ to }) => to)).toEqual([["ops@example.org"]]);
  expect((await losses())[0]?.note).toContain("451 4.7.1 Greylisted, come back");
  // Not before its time.
  await rig.deadlines();
  expect(rig.toTell.size).toBe(0);
  await timePasses();
  await work();
  mails.refuse = () => null;
  await timePasses();
  await work();
  expect(mails.mails.map(({ to }) => to)).toEqual([["ops@example.org"], ["ada@example.org"]]);
  const [first, second] = mails.mails.map(({ raw }) => raw);
  for (const name of ["Message-ID", "To", "Date", "Subject"]) {
    expect(header(second ?? "", name)).toEqual(header(first ?? "", name));
  }
  expect((await losses())[0]?.note).toBeNull();
  // The same words are not repeated in the history.
  expect(await history("not-notified")).toHaveLength(1);
  expect(await rig.db.rows("select attempts from worker_mail order by recipient")).toEqual([
    { attempts: 3 },
    { attempts: 1 },
  ]);
  await timePasses();
  await work();
  expect(mails.mails).toHaveLength(2);
});

test("a server that takes nothing is told of with its words, and given up after days", async () => {
  mails.refuse = () => ({ code: 554, text: "5.7.1 Relay access denied" });
  await lose();
  await timePasses();
  await work();
  expect(mails.mails).toHaveLength(0);
  expect((await losses())[0]?.note).toContain("554 5.7.1 Relay access denied");
  await rig.db.rows("update worker_mail set created_at = now() - interval '6 days'");
  await timePasses();
  await work();
  expect(await rig.db.rows("select from worker_mail where given_up_at is null")).toHaveLength(0);
  expect(await rig.db.rows("select from deadline")).toHaveLength(0);
});

test("waits grow to an hour", async () => {
  await lose();
  await timePasses();
  const waits: number[] = [];
  for (let n = 0; n < 8; n += 1) {
    await work({ url: "smtp://127.0.0.1:1" });
    const [row] = await rig.db.rows<{ wait: number }>(
      "select round(extract(epoch from next_try_at - now()))::int as wait from worker_mail limit 1",
    );
    waits.push(Math.round((row?.wait ?? 0) / 60));
    await timePasses();
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect((await losses())[0]?.note).toMatch(/ECONNREFUSED/);
});

test("a process that dies between the server's word and its own: the same mail, the same id", async () => {
  await lose();
  await timePasses();
  await rig.deadlines();
  const [lossId] = rig.toTell;
  const died = new Promise<never>(() => {});
  const mailerFor = createMailers({
    db: rig.db,
    secrets: databaseSecrets(rig.db, RIG_KEY),
    isHosted: false,
    now: Date.now,
    mail: { smtpUrl: `smtp://127.0.0.1:${mails.port}`, from: "ci@example.org" },
  });
  // It never gets to write what the server said.
  void tellOfLoss({ ...telling, mailerFor, insist: () => died }, lossId as never);
  await until(() => mails.mails.length === 1);
  // While its claim lasts, nobody else tries.
  await work();
  await rig.db.rows(
    "update deadline set fire_at = now() - interval '1 s' where kind = 'worker-mail'",
  );
  await work();
  expect(mails.mails).toHaveLength(1);
  await timePasses();
  await work();
  expect(mails.mails).toHaveLength(2);
  const ids = mails.mails.map(({ raw }) => header(raw, "Message-ID")[0]);
  expect(ids[0]).toBe(ids[1]);
  await timePasses();
  await work();
  expect(mails.mails).toHaveLength(2);
});

test("a server that breaks off after the mail is asked again under the same id", async () => {
  mails.beforeAnswer = () => {
    throw said(451, "4.3.0 disk full");
  };
  await lose();
  await timePasses();
  await work();
  expect((await losses())[0]?.note).toContain("451 4.3.0 disk full");
  mails.beforeAnswer = () => {};
  await timePasses();
  await work();
  const ids = mails.mails.map(({ raw }) => header(raw, "Message-ID")[0]);
  expect(new Set(ids).size).toBe(1);
  expect(await rig.db.rows("select from worker_mail where sent_at is null")).toHaveLength(0);
});

const notify = (config: object, name = "MailNotifier") =>
  rig.db.rows(
    "insert into reporter (org_id, name, kind, config) values (1, $1, 'MailNotifier', $2)",
    [
      name,
      JSON.stringify({
        fromaddr: "team@example.org",
        builders: [],
        relayhost: "127.0.0.1",
        ...config,
      }),
    ],
  );

test("the organisation's notifier that matches comes first, with its own credentials (W-074)", async () => {
  const { setSecrets } = await import("../../../../../server/secrets/store");
  await setSecrets(rig.db, RIG_KEY, { ...CALLER }, [{ name: "mail", value: "let me in" }]);
  const own = await startMailServer();
  await notify({ smtpPort: 1, workers: ["another"] }, "other");
  await notify({
    smtpPort: own.port,
    workers: ["w1"],
    smtpUser: "ci",
    smtpPassword: "%(secret:mail)s",
  });
  await lose();
  await timePasses();
  await work();
  expect(own.mails).toMatchObject([{ from: "team@example.org", to: ADDRESSES, user: "ci" }]);
  expect(mails.mails).toHaveLength(0);
  await rig.db.rows("delete from secret");
  await lose();
  await timePasses();
  await work();
  expect((await losses()).at(-1)?.note).toBe("there is no secret mail");
  await own.close();
});

test("a hosted installation does not speak to servers of its own network (D5)", async () => {
  await notify({ smtpPort: mails.port, relayhost: "localhost" });
  await lose();
  await timePasses();
  await work({ isHosted: true });
  expect(mails.connections).toBe(0);
  expect((await losses())[0]?.note).toContain("in the server's own network");
  // Its own default mailer is its own business.
  await rig.db.rows("update reporter set removed_at = now()");
  await timePasses();
  await work({ isHosted: true });
  expect(mails.mails).toHaveLength(1);
});

test("a mail server that fails is left alone for a moment, however many mails wait for it", async () => {
  let now = 0;
  const mailerFor = createMailers({
    db: rig.db,
    secrets: databaseSecrets(rig.db, RIG_KEY),
    isHosted: false,
    now: () => now,
    mail: { smtpUrl: `smtp://127.0.0.1:${mails.port}`, from: "ci@example.org" },
  });
  mails.beforeAnswer = () => {
    throw said(451, "4.3.0 disk full");
  };
  const names = ["m1", "m2", "m3"];
  for (const name of names) {
    await configure(
      { notify_on_missing: ADDRESSES, missing_timeout: 3 },
      await rig.addWorker(name),
    );
  }
  await doorsOpened(rig.db, socket.id);
  await timePasses();
  await rig.deadlines();
  expect(rig.toTell.size).toBe(4);
  for (const lossId of rig.toTell) await tellOfLoss({ ...telling, mailerFor }, lossId);
  expect(mails.connections).toBe(1);
  expect((await losses()).map(({ note }) => note)).toEqual(
    Array.from({ length: 4 }, () => "451 4.3.0 disk full"),
  );
  mails.beforeAnswer = () => {};
  now = 30_001;
  await timePasses();
  for (const lossId of rig.toTell) await tellOfLoss({ ...telling, mailerFor }, lossId);
  expect(await rig.db.rows("select from worker_mail where sent_at is null")).toHaveLength(0);
});
