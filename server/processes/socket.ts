/**
 * The `socket` process: the worker doors, the builds of the workers connected here, and the
 * browsers' live channel. Composition root: nothing else decides which implementation runs.
 */
import { readFile } from "node:fs/promises";
import { userOf } from "../auth";
import { orgDatabase } from "../db/org-database";
import { openDatabase } from "../db/pool";
import { rangeOf } from "../domain/addresses";
import type { OrgId } from "../domain/ids";
import { machineHere } from "../engine";
import { type Builds, createBuilds } from "../engine/execute/builds";
import { LocksMoved } from "../engine/locks/locks-moved";
import { LOCKS } from "../engine/locks/own-locks";
import { readProcessEnv } from "../env";
import { CONFIG, DRIVER_TESTS, OUTBOX, processChannel, WATCHING } from "../events/bus";
import { createHolderQuestions, createSessions, doorsOpened } from "../fleet";
import { createGrowth } from "../live/growth";
import { openLive } from "../live/live-server";
import { LogIds, LogWriter } from "../logs";
import type { Listening, WorkerProtocol } from "../protocols/contract";
import { msgpackProtocol } from "../protocols/msgpack";
import { pbProtocol } from "../protocols/pb";
import { databaseSecrets } from "../secrets/database";
import { sealingKey, unseal } from "../secrets/seal";
import { steps } from "../steps";
import { openEngineProcess } from "./common";
import { mayWatchDoors, memberOf } from "./live-access";
import { asChild } from "./supervisor/as-child";

/** What is written at the end, when the process is asked to stop, may take so long. */
const STOP_MS = 5_000;
const LOGIN_TIMEOUT_MS = 30_000;
const HEARD_MS = 60_000;
/** Work for us is looked for so often even when nobody says that there is some. */
const ATTEND_MS = 5_000;

const env = readProcessEnv();
const own = await openEngineProcess("socket", env);
const { db, log, lease, announcer, producer, insist } = own;
const { processId } = lease;
const key = sealingKey(env.secretKey);

const announce = () => announcer.announce(OUTBOX);
const wake = (orgId: number) => producer.distribute(orgId);

const questions = createHolderQuestions({
  processId,
  send: (to, payload) => announcer.announce(processChannel(to), payload),
  judge: (session, isSame) => sessions.judge(session, isSame),
});

let builds: Builds | null = null;
const sessions = createSessions({
  db,
  processId,
  unseal: (sealed) => unseal(key, sealed),
  wake,
  announce,
  alarm: producer.alarm,
  ask: questions.ask,
  attached: (session) => void builds?.attached(session),
  machineHere: ({ workerId }) =>
    void machineHere(
      {
        ...{ db, actor: own.actor, announce, log, insist },
        tell: (owner) => announcer.announce(processChannel(owner)),
      },
      workerId,
    ).then(() => producer.see(workerId)),
  see: producer.see,
  testLoggedIn: () => announcer.announce(DRIVER_TESTS),
  busy: (session) => builds?.busy(session) ?? 0,
  bound: (session) => builds?.bound(session) ?? 0,
  log,
  insist,
});

const webDatabase = openDatabase({
  url: env.databaseUrl,
  max: 3,
  name: "live",
  role: "slipway_web",
  onError: (error) => log("live database", { error }),
});
const people = orgDatabase(webDatabase);
const live = await openLive({
  host: env.live.bind,
  port: env.live.port,
  db,
  userIdOf: async (headers) => (await userOf({ env, db: people }, headers))?.userId ?? null,
  onWatch: (topics) => growth.watch(topics),
  mayRead: (userId, org) => memberOf(people, userId, org),
  mayWatchDoors: (userId) => mayWatchDoors(people, userId),
  log,
});

const growth = createGrowth({
  processId,
  announce: announcer.announce,
  watched: live.watched,
  show: live.logs,
});

const logIds = new LogIds(db);
const logWriter = new LogWriter(db, {
  onStored: growth.stored,
  onRetry: (error) => log("log not written, trying again", { error }),
});

const locksMoved = new LocksMoved();
await own.bus.listen(LOCKS, () => locksMoved.tell());

builds = createBuilds({
  db,
  processId,
  actor: own.actor,
  steps,
  secrets: databaseSecrets(db, key),
  publicUrl: env.web.publicUrl.replace(/\/+$/, ""),
  nextLogId: () => logIds.next(),
  openLog: (build, { logId, stepId, name, slug, type, redactor, stored }) =>
    logWriter.open(
      {
        logId,
        orgId: build.orgId,
        buildId: build.buildId,
        stepId,
        name,
        slug,
        type,
        logCreatedAt: stored?.createdAt ?? new Date(),
      },
      build,
      { redactor, ...(stored ? { again: stored } : {}) },
    ),
  connectionOf: (session) => sessions.get(session)?.connection ?? null,
  keepsOf: (session) => sessions.get(session)?.keeps,
  serves: sessions.serves,
  left: sessions.left,
  ended: (session) => {
    if (session !== null) sessions.buildEnded(session);
  },
  announce,
  alarm: producer.alarm,
  locksMoved,
  announceSoon: () => announcer.announceSoon(OUTBOX),
  wake,
  log,
  insist,
});
const { look, obeyStops } = builds;

await own.bus.listen(processChannel(processId), (payload) => {
  if (payload && (questions.heard(payload) || growth.heard(payload))) return;
  if (payload === "") void look();
  else attend();
});
// Whoever had something to tell us may have died before he did.
const attending = setInterval(attend, ATTEND_MS);
const hearing = setInterval(() => void sessions.noteHeard(), HEARD_MS);
function attend(): void {
  void obeyStops();
  void sessions.obey();
}
await own.bus.listen(OUTBOX, live.wake);
await own.bus.listen(WATCHING, growth.said);
await own.bus.listen(CONFIG, (payload) => {
  const orgId = payload ? Number(payload) : null;
  void sessions.reconfigure(orgId as OrgId | null);
  // A lock may have more counts now, or be no more.
  locksMoved.tell();
});

const { bind, pbPort, msgpackPort, tls } = env.workers;
const certificate = tls
  ? { cert: await readFile(tls.certFile, "utf8"), key: await readFile(tls.keyFile, "utf8") }
  : undefined;
const doors: Listening[] = [];
async function open(protocol: WorkerProtocol, port: number | null): Promise<number | "off"> {
  if (port === null) return "off";
  const listening = await protocol.listen(sessions.door, {
    host: bind,
    port,
    ...(certificate ? { tls: certificate } : {}),
    trustedProxies: env.web.trustedProxies.flatMap((proxy) => rangeOf(proxy) ?? []),
    loginTimeoutMs: LOGIN_TIMEOUT_MS,
  });
  doors.push(listening);
  return listening.port;
}
const ports = {
  pb: await open(pbProtocol, pbPort),
  msgpack: await open(msgpackProtocol, msgpackPort),
};

/** Workers without a build go to another process at once, the others when theirs are over. */
async function handOver(seconds: number): Promise<void> {
  for (const door of doors) door.stopAccepting();
  const over = sessions.letGo(look).then(() => builds?.idle());
  await Promise.race([over, new Promise((resolve) => setTimeout(resolve, seconds * 1_000))]);
}

await insist("doors opened", () => doorsOpened(db, processId));

const child = asChild(async () => {
  clearInterval(hearing);
  const { drainSeconds } = env.workers;
  if (drainSeconds > 0) await handOver(drainSeconds);
  clearInterval(attending);
  // Closing the doors ends the sessions; their builds end in RETRY and are written as such.
  await Promise.all(doors.map((door) => door.close()));
  const timeout = new Promise((resolve) => setTimeout(resolve, STOP_MS).unref());
  await Promise.race([builds?.idle(), timeout]);
  await logWriter.flush();
  growth.close();
  await live.close();
  await webDatabase.end();
  await own.close("stopped in order");
});
void lease.fenced.then(() => {
  // What is in memory must not be written any more. The supervisor starts a new process.
  logWriter.abort();
  process.exit(1);
});
child.ready();
log("socket process is ready", {
  process: processId,
  ...ports,
  tls: tls !== null,
  live: live.port,
});
