/**
 * Latent workers over the engine's rig: a fake cloud whose machines are null workers, and any number of
 * `jobs` processes that drive them, each over a line to the database that may break at any statement.
 */
import type { Queryable } from "../../server/db/pool";
import type { BuilderId, BuildRequestId, ProcessId, WorkerId } from "../../server/domain/ids";
import type { LatentState } from "../../server/domain/latent";
import { assign } from "../../server/domain/scheduling";
import type { LatentDriverKind } from "../../server/drivers/contract";
import { FakeCloud, type FakeMachine, fakeDriver } from "../../server/drivers/fake";
import {
  adoptWaiting,
  createStartupLines,
  distribute,
  endBuilds,
  endStopped,
  failWaiting,
  giveUpLost,
  machineScope,
  releaseWaiting,
} from "../../server/engine";
import { claim } from "../../server/engine/distribute/claim";
import { loadCandidates } from "../../server/engine/distribute/queue";
import {
  type AccountSweep,
  createAccountSweep,
  createLatentFleet,
  ensureLatent,
  type LatentContext,
  type LatentFleet,
  sweepLatent,
} from "../../server/fleet";
import type { Behaviour, NullWorker } from "../../server/protocols/null";
import { CALLER, createRig, type Rig, type SocketProcess, until } from "./engine-rig";

export const KIND = "FakeLatentWorker";

export interface LatentRow {
  readonly id: number;
  readonly state: LatentState;
  readonly reason: string;
  readonly generation: number;
  readonly instance_id: number | null;
  readonly owner_id: number | null;
  readonly failure: { readonly reason: string; readonly verdict: string } | null;
}

export interface JobsProcess {
  readonly id: ProcessId;
  readonly context: LatentContext;
  readonly fleet: LatentFleet;
  /** Counted down by each statement; at 0 the process dies there: nothing of it is heard again. */
  statementsLeft: number;
  readonly isDead: boolean;
  /** Called before each statement. */
  before: ((text: string) => Promise<void> | void) | null;
  /** The `at`th statement from now on fails, as when the server ends the connection: undone, or done. */
  failing: { at: number; readonly isDone: boolean } | null;
  sweep(): Promise<void>;
  readonly accounts: AccountSweep;
  /** Sweeps all accounts, whether their turn has come or not. */
  sweepAccounts(): Promise<void>;
  /** What is left of it may be taken over. */
  bury(): Promise<void>;
}

export interface LatentRig {
  readonly rig: Rig;
  readonly cloud: FakeCloud;
  /** Where machines log in; another one when it has died. */
  socket: SocketProcess;
  /** Those on the machines, in the order in which they logged in. */
  readonly workers: NullWorker[];
  /** What their own logs have of us. */
  readonly heard: string[];
  /** Machines whose worker was refused. */
  readonly refused: FakeMachine[];
  /** Whether machines boot into a worker that logs in. */
  boots: boolean;
  /** What their workers do with a command; absent: it ends at once. */
  behaviour?: Behaviour;
  /** By which their workers are known as those that keep what they have begun; absent: they do not. */
  keeps?: string;
  jobs(): Promise<JobsProcess>;
  addLatent(name: string, config?: object, maxBuilds?: number | null): Promise<WorkerId>;
  login(machine: FakeMachine): Promise<NullWorker | null>;
  /** @returns how many builds the distributor made */
  distribute(jobs: JobsProcess): Promise<number>;
  /** A request is claimed for this worker alone, as the distributor does. */
  claim(
    jobs: JobsProcess,
    request: BuildRequestId,
    builder: BuilderId,
    worker: WorkerId,
  ): Promise<boolean>;
  row(worker: WorkerId): Promise<LatentRow>;
  instances(): Promise<
    { id: number; key: string; state: string; generation: number; stop_tries: number }[]
  >;
  /** Waits for the state, while nobody has to be woken. */
  reach(worker: WorkerId, state: LatentState): Promise<LatentRow>;
  close(): Promise<void>;
}

/** @param startsAtOnce of the cloud, in each process */
export async function createLatentRig(startsAtOnce?: number): Promise<LatentRig> {
  const rig = await createRig();
  rig.isDistributing = false;
  const cloud = new FakeCloud();
  const kind = fakeDriver(cloud) as LatentDriverKind;
  const bound = startsAtOnce === undefined ? {} : { startsAtOnce };
  const kinds = new Map<string, LatentDriverKind>([[KIND, { ...kind, ...bound }]]);
  const socket = await rig.socket();
  const workers: NullWorker[] = [];
  const refused: FakeMachine[] = [];
  const agents = new Map<FakeMachine, NullWorker>();
  const all = new Map<ProcessId, JobsProcess>();
  cloud.onBoot = (machine) => {
    if (latent.boots) void latent.login(machine);
  };
  cloud.onGone = (machine) => agents.get(machine)?.lose("its machine is gone");

  const latent: LatentRig = {
    ...{ rig, cloud, socket, workers, heard: [], refused, boots: true },
    async jobs() {
      const [row] = await rig.db.rows<{ id: ProcessId }>(
        `insert into process (kind, host, pid, lease_expires_at)
         values ('jobs', 'test', 1, now() + interval '1 hour') returning id`,
      );
      const { id } = row as { id: ProcessId };
      const jobs = jobsProcess(rig, id, kinds, (holder, worker) =>
        all.get(holder)?.fleet.reconsider(worker),
      );
      all.set(id, jobs);
      return jobs;
    },
    async addLatent(name, config = {}, maxBuilds = null) {
      const id = await rig.addWorker(name, maxBuilds);
      await rig.db.rows(
        "update worker set kind = $2, config = $3, sealed_password = null where id = $1",
        [id, KIND, JSON.stringify(config)],
      );
      await ensureLatent(rig.db, { orgId: CALLER.orgId, workerId: id }, "test");
      return id;
    },
    async login(machine) {
      const { name, password } = machine.order.agent;
      const worker = await latent.socket.tryConnect(name, {
        password,
        heard: (line) => void latent.heard.push(line),
        ...(latent.behaviour ? { behaviour: latent.behaviour } : {}),
        ...(latent.keeps ? { facts: { keeps: latent.keeps } } : {}),
      });
      if (!worker) {
        refused.push(machine);
        return null;
      }
      workers.push(worker);
      agents.set(machine, worker);
      if (machine.state === "gone") worker.lose("its machine is gone");
      return worker;
    },
    async claim(jobs, id, builderId, workerId) {
      const { db } = jobs.context;
      const candidates = (await loadCandidates(rig.db, CALLER.orgId, [builderId])).get(builderId);
      const workers = (candidates?.workers ?? []).filter((each) => each.workerId === workerId);
      const requests = [{ id, priority: 0, submittedAt: 0 }];
      const [assignment] = assign([{ builderId, name: "b", requests, workers }], Date.now());
      const claimed = assignment && (await claim(db, CALLER.orgId, assignment, "jobs", jobs.id));
      if (claimed?.ownerId === latent.socket.id) void latent.socket.builds.look();
      return Boolean(claimed);
    },
    async distribute(jobs) {
      const { context, fleet } = jobs;
      return distribute(
        {
          ...{ db: context.db, actor: "jobs", now: Date.now, tell: rig.told },
          latent: { processId: jobs.id, see: (workerId) => void fleet.see(workerId) },
        },
        CALLER.orgId,
      );
    },
    async row(worker) {
      const [row] = await rig.db.rows<LatentRow>(
        "select * from latent_worker where worker_id = $1",
        [worker],
      );
      return row as LatentRow;
    },
    instances: () =>
      rig.db.rows("select id, key, state, generation, stop_tries from instance order by id"),
    reach: (worker, state) =>
      until(async () => {
        const row = await latent.row(worker);
        return row.state === state ? row : null;
      }),
    async close() {
      for (const worker of workers) worker.lose();
      await rig.close();
    },
  };
  return latent;
}

function jobsProcess(
  rig: Rig,
  id: ProcessId,
  kinds: ReadonlyMap<string, LatentDriverKind>,
  tellHolder: LatentContext["tellHolder"],
): JobsProcess {
  const actor = `jobs ${id}`;
  let isDead = false;
  const db: Queryable = {
    async rows<R>(statement: Parameters<Queryable["rows"]>[0], values?: readonly unknown[]) {
      await jobs.before?.(typeof statement === "string" ? statement : statement.text);
      if (jobs.statementsLeft === 0) isDead = true;
      // Nothing is ever heard again: neither an answer nor an error.
      if (isDead) return new Promise<R[]>(() => {});
      jobs.statementsLeft -= 1;
      const { failing } = jobs;
      if (failing && --failing.at < 0) {
        jobs.failing = null;
        if (failing.isDone) await rig.db.rows(statement, values);
        throw new Error("terminating connection due to administrator command");
      }
      return rig.db.rows<R>(statement, values);
    },
  };
  const lines = createStartupLines({ db: rig.db, stored() {}, onError() {} });
  const context: LatentContext = {
    ...{ db, processId: id, actor, installation: "1nst", kinds },
    master: { host: "ci.example.org", ports: { pb: 9989, msgpack: 9990 } },
    reveal: async () => new Map(),
    scopeOf: (workerId) => machineScope(db, workerId),
    seal: (clear) => Buffer.from(clear),
    unseal: (sealed) => sealed.toString(),
    async fail(workerId, failure) {
      await lines.flush();
      await failWaiting(db, workerId, failure, actor);
    },
    async giveUpLost(workerId, reason) {
      await giveUpLost(db, workerId, reason, actor);
    },
    async release(workerId) {
      const owners = await releaseWaiting(db, workerId, actor);
      for (const owner of owners) context.tell(owner);
    },
    async endBuilds(workerId, reason) {
      for (const owner of await endBuilds(db, workerId, reason, actor)) rig.told(owner);
    },
    wake: () => {},
    announce: () => {},
    tell: rig.told,
    tellHolder,
    alarm: () => {},
    note: (workerId, voice, line) => lines.note(workerId, voice, line),
    log: (message, fields) => {
      if (process.env.RIG_LOG) console.log(message, fields);
    },
    insist: (_what, work) => work(),
  };
  const fleet = createLatentFleet(context);
  const accounts = createAccountSweep(context, fleet, Date.now);
  const jobs: JobsProcess = {
    ...{ id, context, fleet, accounts },
    ...{ statementsLeft: Number.POSITIVE_INFINITY, before: null, failing: null },
    get isDead() {
      return isDead;
    },
    async sweep() {
      await adoptWaiting(db, id);
      for (const worker of await endStopped(db, actor)) await fleet.see(worker);
      await (await sweepLatent(context, fleet)).done;
    },
    async sweepAccounts() {
      accounts.changed();
      await rig.db.rows("update instance_account set next_at = now() - interval '1 s'");
      await accounts.tick();
    },
    async bury() {
      isDead = true;
      await rig.db.rows("update process set gone_at = now() where id = $1", [id]);
    },
  };
  return jobs;
}
