/**
 * The `jobs` process: BullMQ processors. Losing every queued job loses nothing; running one twice
 * changes nothing.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeChangeSource } from "../change-sources";
import { lookAtRepository } from "../change-sources/git-poller/look-at-repository";
import type { ChangeSourceId, OrgId } from "../domain/ids";
import {
  cancelWaitingForNothing,
  createAlarm,
  fireDue,
  pollAtLaunch,
  pollSource,
  poolsDue,
  recoverGone,
  sweep,
} from "../engine";
import { maintain } from "../engine/recover/maintain";
import { answerChecks } from "../engine/repositories/answer-checks";
import { readProcessEnv } from "../env";
import {
  CONFIG,
  DRIVER_TESTS,
  MACHINES,
  OUTBOX,
  PROCESS_GONE,
  processChannel,
  REPOSITORIES,
} from "../events/bus";
import { mergeCalls } from "../events/merge-calls";
import { fireDeadlines, tellNotice, tellOfLoss } from "../fleet";
import { openQueue, openWorker } from "../queues/backend";
import { CATALOG } from "../queues/catalog";
import { createProcessor } from "../queues/processors";
import { makeScheduler } from "../schedulers";
import { databaseSecrets } from "../secrets/database";
import { sealingKey } from "../secrets/seal";
import { openEngineProcess } from "./common";
import { openGivingOut } from "./giving-out";
import { openLatentWorkers } from "./latent";
import { createMailers } from "./mailers";
import { asChild } from "./supervisor/as-child";

/** At the end, machines of tests are given so long to be stopped. */
const TESTS_END_MS = 5_000;
const DISTRIBUTIONS_AT_ONCE = 4;
const POLLS_AT_ONCE = 4;
const MAILS_AT_ONCE = 4;
/** A look may wait long for its cloud. */
const LOOKS_AT_ONCE = 200;

const env = readProcessEnv();
const own = await openEngineProcess("jobs", env);
const { db, log, lease, announcer, insist } = own;

const announce = () => announcer.announce(OUTBOX);
const latent = await openLatentWorkers(own);
const giving = openGivingOut(
  db,
  latent.way,
  {
    ...{ db: latent.db, actor: own.actor, see: latent.distributing.see },
    announce: () => announcer.announceSoon(OUTBOX),
  },
  {
    db: latent.db,
    actor: own.actor,
    now: Date.now,
    tell: (owner) => {
      // Builds that wait for machines are our own: nobody has to be woken for them.
      if (owner === lease.processId) return announcer.announceSoon(OUTBOX);
      announcer.announce(processChannel(owner));
      announce();
    },
    latent: latent.distributing,
  },
  (error) => log("requests left for the next sweep", { error }),
);
const sweeping = {
  db,
  actor: own.actor,
  distribute: giving.distribute,
  announce,
  tell: (owner: number) => announcer.announce(processChannel(owner), "stop"),
  log,
};
const triggers = {
  db,
  makeScheduler,
  wake: (orgId: OrgId) => own.producer.distribute(orgId),
  announce,
  poll: (id: ChangeSourceId) => own.producer.poll(id),
  log,
};
const stopping = new AbortController();
const polling = {
  ...triggers,
  processId: lease.processId,
  makeSource: makeChangeSource,
  secrets: databaseSecrets(db, sealingKey(env.secretKey)),
  directory: join(env.dataDir, "change-sources"),
  isHosted: env.isHosted,
  insist,
  stop: stopping.signal,
  now: Date.now,
  random: Math.random,
};
const alarm = createAlarm(
  () => fireDue(triggers, 2 * CATALOG.sweep.everyMs),
  (error) => log("triggers", { error }),
);
const answerPages = mergeCalls(
  () =>
    answerChecks({
      db,
      secrets: databaseSecrets(db, sealingKey(env.secretKey)),
      look: (question) => lookAtRepository(question, env),
      log,
    }),
  (error) => log("repositories not looked at", { error }),
);
const publicUrl = env.web.publicUrl.replace(/\/+$/, "");
const telling = {
  db,
  actor: own.actor,
  publicUrl,
  mailerFor: createMailers({
    db,
    secrets: databaseSecrets(db, sealingKey(env.secretKey)),
    isHosted: env.isHosted,
    now: Date.now,
    mail: env.mail,
  }),
  announce,
  alarm: own.producer.alarm,
  log,
  insist,
};
const { hostname: host } = new URL(publicUrl);
const deadlines = mergeCalls(
  () =>
    fireDeadlines({
      db,
      actor: own.actor,
      host,
      wake: (orgId) => own.producer.distribute(orgId),
      tellOf: (lossId) => own.producer.mail(lossId),
      tellNotice: (id) => own.producer.notice(id),
      announce,
    }),
  (error) => log("deadlines left for the next sweep", { error }),
);
/** Deadlines of workers, static or latent. */
const fleetDeadlines = async () => {
  await deadlines();
  await latent.sweep();
};
const processor = createProcessor({
  distribute: giving.distribute,
  async poll(id) {
    await pollSource(polling, id);
    // A timer may have been set, or the next poll be near.
    await alarm.ring();
  },
  alarm: fleetDeadlines,
  mail: (lossId) => tellOfLoss(telling, lossId),
  notice: (id) => tellNotice(telling, id, host),
  async sweep() {
    // Whoever asked may have died before it said so.
    void answerPages();
    // Providers may be slow.
    void latent.accounts.tick();
    void latent.tests.look();
    await alarm.ring();
    await fleetDeadlines();
    await sweep(sweeping);
    for (const { orgId } of await poolsDue(db)) own.producer.distribute(orgId);
  },
  see: (workerId) => latent.fleet.see(workerId),
  maintain: () => maintain(db),
});

const onError = (error: unknown) => log("queue", { error });
const workers = [
  await insist("distribution", () =>
    openWorker("distribution", processor, DISTRIBUTIONS_AT_ONCE, env, onError),
  ),
  await insist("polls", () => openWorker("polls", processor, POLLS_AT_ONCE, env, onError)),
  await insist("mails", () => openWorker("mails", processor, MAILS_AT_ONCE, env, onError)),
  await insist("latent workers", () =>
    openWorker("latent", processor, LOOKS_AT_ONCE, env, onError),
  ),
  await insist("upkeep", () => openWorker("upkeep", processor, 1, env, onError)),
];
await insist("what repeats", async () => {
  const upkeep = await openQueue("upkeep", env, onError);
  try {
    await upkeep.repeat("sweep", CATALOG.sweep.everyMs);
    await upkeep.repeat("maintain", CATALOG.maintain.everyMs);
  } finally {
    await upkeep.close();
  }
});

// What is left of a process that died is recovered at once, not at the next sweep.
await own.bus.listen(PROCESS_GONE, () => {
  void recoverGone(sweeping)
    .catch((error: unknown) => log("recovery", { error }))
    // Those whose connection it held are due now.
    .then(latent.sweep);
});
await own.bus.listen(processChannel(lease.processId), (payload) => {
  if (payload !== "") latent.told(payload);
});
// Requests may have a worker now, or a builder no more. Whoever activated may not live to say so.
await own.bus.listen(CONFIG, (payload) => {
  if (!payload) return;
  own.producer.distribute(Number(payload));
  void latent.sweep();
  latent.accounts.changed();
  cancelWaitingForNothing(sweeping, Number(payload) as OrgId).catch((error: unknown) =>
    log("left for the next sweep", { error }),
  );
});
await own.bus.listen(REPOSITORIES, () => void answerPages());
// Somebody looks at a page and waits: nobody's tick does.
await own.bus.listen(MACHINES, () => {
  void latent.sweep();
  void latent.accounts.tick();
});
await own.bus.listen(DRIVER_TESTS, () => void latent.tests.look());
// Whatever a predecessor was doing when it ended: do it now.
await insist("first sweep", () => sweep(sweeping));
await latent.sweep();
await insist("polls at launch", () => pollAtLaunch(db));
await alarm.ring();

const child = asChild(async () => {
  alarm.stop();
  stopping.abort();
  latent.close();
  await Promise.all(workers.map((worker) => worker.close()));
  await giving.close();
  // What they leave is another's, as if we had died.
  await Promise.race([latent.tests.close(), sleep(TESTS_END_MS)]);
  await latent.db.end();
  await own.close("stopped in order");
});
void lease.fenced.then(() => process.exit(1));
child.ready();
log("jobs process is ready", {
  process: lease.processId,
  queues: env.redisUrl ? "redis" : "postgresql",
});
