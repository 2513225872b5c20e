/**
 * Latent workers in the `jobs` process: their drivers, and every reason to look at one. What a look
 * waits for, a cloud, may take minutes, so nothing here waits for a look but the queue's own jobs.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Database, openDatabase } from "../db/pool";
import { RightOfWay } from "../db/right-of-way";
import type { OrgId, ProcessId, WorkerId } from "../domain/ids";
import { openDrivers } from "../drivers";
import type { DockerSurroundings } from "../drivers/docker";
import type { LocalHost } from "../drivers/local";
import {
  adoptWaiting,
  createStartupLines,
  endBuilds,
  endStopped,
  failWaiting,
  giveUpLost,
  machineScope,
  releaseWaiting,
} from "../engine";
import { hostEnv, type ProcessEnv, projectRoot } from "../env";
import { OUTBOX, processChannel, WATCHING } from "../events/bus";
import { mergeCalls } from "../events/merge-calls";
import {
  type AccountSweep,
  createAccountSweep,
  createDriverTests,
  createLatentFleet,
  type DriverTests,
  installationTag,
  type LatentContext,
  type LatentFleet,
  sweepLatent,
} from "../fleet";
import { createGrowth } from "../live/growth";
import { databaseSecrets } from "../secrets/database";
import { seal, sealingKey, unseal } from "../secrets/seal";
import type { EngineProcess } from "./common";
import { openLocalHome } from "./local/home";
import { localDoor } from "./local/local-workers";

/** To the process that drives a worker: is what it waits for still needed? With the worker's id. */
const MACHINE = "machine";
/** Of all that is written of machines, so much at once: what needs none goes first. */
const CONNECTIONS = 2;

export interface LatentWorkers {
  /** What concerns machines goes over connections of its own, and gives way there. */
  readonly db: Database;
  /** For what needs no machine. */
  readonly way: RightOfWay;
  readonly fleet: LatentFleet;
  /** Compares what providers have with what we have. */
  readonly accounts: AccountSweep;
  /** Of drivers' settings, asked for by pages. */
  readonly tests: DriverTests;
  /** For the distributor. */
  readonly distributing: {
    readonly processId: ProcessId;
    readonly see: (workerId: WorkerId) => void;
  };
  /** Everything whose time has come, or whose driver has died. Never rejects, waits for no cloud. */
  sweep(): Promise<void>;
  /** Something was said to this process; null: something may have been. Never throws. */
  told(payload: string | null): void;
  close(): void;
}

export async function openLatentWorkers(own: EngineProcess): Promise<LatentWorkers> {
  const { env, actor, announcer, producer, log, insist } = own;
  const onError = (error: unknown) => log("latent workers", { error });
  const way = new RightOfWay();
  const db = way.givingWay(
    openDatabase({
      ...{ url: env.databaseUrl, max: CONNECTIONS, name: "machines", onError },
      plansOnce: true,
    }),
  );
  const { processId } = own.lease;
  const key = sealingKey(env.secretKey);
  /** Only screens hear of it, and what is announced at once stands behind it. */
  const announce = () => announcer.announceSoon(OUTBOX);
  const secrets = databaseSecrets(db, key);
  const { advertise, pbPort, msgpackPort } = env.workers;
  const growth = createGrowth({
    processId,
    announce: announcer.announce,
    watched: () => [],
    show: () => {},
  });
  await own.bus.listen(WATCHING, growth.said);
  const lines = createStartupLines({
    db,
    stored: growth.stored,
    onError: (error) => log("start-up lines not written", { error }),
  });
  const context: LatentContext = {
    ...{ db, processId, actor, insist, log },
    installation: await insist("the installation's name", () => installationTag(db, env.secretKey)),
    master: { host: advertise, ports: { pb: pbPort, msgpack: msgpackPort } },
    kinds: openDrivers({
      local: await localHost(env),
      docker: await dockerHost(env),
      libvirt: env.isHosted ? null : { env: hostEnv() },
    }),
    async reveal(orgId, names) {
      const found = await secrets.read({ orgId, names, reader: "latent workers", enrol() {} });
      return new Map([...found].map(([name, secret]) => [name, secret.reveal()]));
    },
    scopeOf: (workerId) => machineScope(db, workerId),
    seal: (clear) => seal(key, clear),
    unseal: (sealed) => unseal(key, sealed),
    async fail(workerId, failure) {
      await lines.flush();
      const orgId = await failWaiting(db, workerId, failure, actor);
      if (orgId !== null) producer.distribute(orgId);
    },
    async giveUpLost(workerId, reason) {
      const orgId = await giveUpLost(db, workerId, reason, actor);
      if (orgId !== null) producer.distribute(orgId);
    },
    async release(workerId) {
      const owners = await releaseWaiting(db, workerId, actor);
      for (const owner of owners) announcer.announce(processChannel(owner));
    },
    async endBuilds(workerId, reason) {
      for (const owner of await endBuilds(db, workerId, reason, actor)) {
        announcer.announce(processChannel(owner), "stop");
      }
    },
    wake: (orgId: OrgId) => producer.distribute(orgId),
    announce,
    tell: (owner) => announcer.announce(processChannel(owner), "stop"),
    tellHolder: (holder, workerId) =>
      announcer.announce(processChannel(holder), `${MACHINE} ${workerId}`),
    alarm: producer.alarm,
    note: (workerId, voice, line) => lines.note(workerId, voice, line),
  };
  const fleet = createLatentFleet(context);
  const accounts = createAccountSweep(context, fleet, Date.now);
  const see = (workerId: WorkerId) => void fleet.see(workerId);

  /** Builds that wait for a machine and that somebody wants stopped. */
  const obeyStops = mergeCalls(stop, (error) => log("stops left for the next sweep", { error }));

  return {
    db,
    way,
    fleet,
    accounts,
    tests: createDriverTests({ ...context, now: Date.now }),
    distributing: { processId, see },
    sweep: mergeCalls(
      async () => {
        await adoptWaiting(db, processId);
        await stop();
        await sweepLatent(context, fleet);
      },
      (error) => log("latent workers left for the next sweep", { error }),
    ),
    told(payload) {
      const [what, workerId] = payload?.split(" ") ?? [];
      if (what === MACHINE) return fleet.reconsider(Number(workerId) as WorkerId);
      if (payload === null) fleet.reconsider();
      void obeyStops();
    },
    close: growth.close,
  };

  async function stop(): Promise<void> {
    const workers = await endStopped(db, actor);
    if (workers.length > 0) announce();
    for (const workerId of workers) see(workerId);
  }
}

/** What machines that are programs of this host run in; null: strangers get nothing of it. */
async function localHost(env: ProcessEnv): Promise<LocalHost | null> {
  if (env.isHosted) return null;
  const home = await openLocalHome(env.dataDir, join(projectRoot(), ".dist/worker.js"));
  const folder = join(home.folder, "machines");
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const { program, account } = home;
  const path = `${join(process.execPath, "..")}:${hostEnv().PATH ?? "/usr/bin:/bin"}`;
  const door = await localDoor(env, home);
  return { program, folder, account, door, env: { ...hostEnv(), PATH: path } };
}

/** Archives that images are built from lie in a folder that whoever runs the installation fills. */
async function dockerHost({ isHosted, dataDir }: ProcessEnv): Promise<DockerSurroundings> {
  if (isHosted) return { isHosted, contexts: null };
  const contexts = join(dataDir, "docker-contexts");
  await mkdir(contexts, { recursive: true, mode: 0o750 });
  return { isHosted, contexts };
}
