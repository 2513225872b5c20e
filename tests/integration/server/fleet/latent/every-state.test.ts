// Guarantee: in each state of a latent worker, whatever people, the configuration or our own processes do
// to it, every request comes to its end, no machine is left that nobody owns, and its next build is
// green: nothing hangs (the reports of the field are of builds that prepare for ever).
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { SUCCESS } from "../../../../../server/domain/builds";
import type { BuildId, BuildRequestId, InstanceId } from "../../../../../server/domain/ids";
import { endAll } from "../../../../../server/fleet";
import { untilStopped } from "../../../../../server/protocols/null";
import { CALLER, isFinished, isRunning, until } from "../../../../support/engine-rig";
import { createLife, gate, type Life, STEP } from "../../../../support/latent-life";

/** What holds a provider's call still until the event has happened. */
type Let = () => void;

const KEPT = { build_wait_timeout: 600 };

const STATES: Record<string, (life: Life) => Promise<Let | undefined>> = {
  async "wanted, and nobody has looked"({ ask }) {
    await ask();
    return undefined;
  },
  async "the provider is being asked"(life) {
    const { passed, open } = gate();
    life.latent.cloud.stall("start", passed);
    await life.ask();
    const before = life.latent.cloud.count("start");
    void life.see();
    await until(() => life.latent.cloud.count("start") > before);
    return open;
  },
  async "its machine has not logged in yet"(life) {
    life.latent.boots = false;
    await life.ask();
    await life.see();
    return undefined;
  },
  async "its machine runs a build"(life) {
    await life.configure(KEPT);
    await life.build();
    life.agent().behaviour = untilStopped;
    await life.latent.rig.build(await life.ask(), isRunning);
    return undefined;
  },
  async "its machine is idle"(life) {
    await life.configure(KEPT);
    await life.build();
    return undefined;
  },
  async "its machine has lost its connection"(life) {
    await life.configure(KEPT);
    await life.build();
    life.agent().lose("the network");
    await life.untilLost();
    return undefined;
  },
  async "its machine is being stopped"(life) {
    const open = await whileStopping(life);
    return open;
  },
  async "its machine is being stopped, and the next is wanted"(life) {
    const open = await whileStopping(life);
    await life.ask();
    return open;
  },
};

async function whileStopping(life: Life): Promise<Let> {
  const { latent, worker } = life;
  // Its build may be over, and the machine about to be stopped, before the first look ends.
  const { passed, open } = gate();
  latent.cloud.stall("stop", passed);
  const request = await life.ask();
  void life.see();
  await latent.rig.build(request, isFinished);
  await until(async () => {
    void life.see();
    return (await latent.row(worker)).state === "insubstantiating";
  });
  return open;
}

const set = ({ latent }: Life, what: string) => latent.rig.db.rows(what);

/** Whoever looks may wait for a provider; what it sees at once it does at once. */
const glance = ({ jobs }: Life) => Promise.race([jobs.sweep(), sleep(50)]);

/** As whoever writes the configuration leaves it. */
const configured = ({ latent, worker }: Life) =>
  latent.rig.db.rows(
    `insert into deadline (org_id, kind, subject_id, fire_at, reason) values (1, 'latent-worker', $1, now(), 'changed')
     on conflict (kind, subject_id) do update set fire_at = excluded.fire_at`,
    [worker],
  );

const EVENTS: Record<string, (life: Life) => Promise<unknown>> = {
  async "its builds are stopped"({ latent }) {
    for (const id of await unfinished(latent)) {
      await latent.rig.commands.stopBuild(CALLER, id, { reason: "" });
    }
  },
  "its options change": ({ configure }) => configure({ ...KEPT, image: "fedora" }),
  async "it is removed, and added again"(life) {
    await set(life, "update worker set removed_at = now()");
    await configured(life);
    await glance(life);
    await set(life, "update worker set removed_at = null");
    await configured(life);
  },
  async "it becomes static, and latent again"(life) {
    await set(life, "update latent_worker set is_latent = false");
    await configured(life);
    await glance(life);
    await set(life, "update latent_worker set is_latent = true");
    await configured(life);
  },
  async "its builder is removed, and added again"(life) {
    const { latent, builder, worker } = life;
    await latent.rig.db.rows("delete from builder_worker where builder_id = $1", [builder]);
    await latent.rig.db.rows("update builder set removed_at = now() where id = $1", [builder]);
    await life.dueNow();
    await glance(life);
    await latent.rig.sweep();
    await set(life, "update builder set removed_at = null");
    await latent.rig.db.rows(
      "insert into builder_worker (org_id, builder_id, worker_id) values (1, $1, $2)",
      [builder, worker],
    );
  },
  async "the process that drives it dies"(life) {
    await life.jobs.bury();
    life.jobs = await life.latent.jobs();
  },
  async "the process that holds connections dies"({ latent }) {
    await latent.socket.die();
    await latent.rig.sweep();
    latent.socket = await latent.rig.socket();
  },
  "it is to be drained": ({ latent, worker }) =>
    latent.rig.fleet.control(CALLER, [worker], "drain", "upkeep"),
  "it is told to exit": ({ latent, worker }) =>
    latent.rig.fleet.control(CALLER, [worker], "kill", "now"),
  async "it is paused for a while"(life) {
    await life.latent.rig.fleet.control(CALLER, [life.worker], "pause", "upkeep");
    await life.dueNow();
    await glance(life);
    await life.latent.rig.fleet.control(CALLER, [life.worker], "unpause", "done");
  },
  async "its machine is stopped by a person"({ latent }) {
    const all = await latent.instances();
    const there = all.filter(({ state }) => state !== "gone").map(({ id }) => id as InstanceId);
    for (const id of there) await latent.rig.fleet.stopInstance(CALLER, id, "enough");
  },
  async "all is shut down, and goes on"(life) {
    await endAll(life.latent.rig.db, true);
    await glance(life);
    await endAll(life.latent.rig.db, false);
  },
  async "its worker logs in once more"({ latent }) {
    // The newest, and the one before it; who fails often is not looked at for a while.
    for (const machine of latent.cloud.machines.slice(-2)) await latent.login(machine);
  },
  async "its machine dies"({ latent }) {
    for (const machine of latent.cloud.alive) latent.cloud.crash(machine, "its host burns");
  },
  async "nothing is heard of for a while"(life) {
    await life.pass("missing_at");
    await life.pass("checked_at");
  },
};

const unfinished = async ({ rig }: Life["latent"]) =>
  (await rig.db.rows<{ id: BuildId }>("select id from build where state <> 'finished'")).map(
    ({ id }) => id,
  );

/** Nobody holds anything up any more: machines boot, time passes, whoever has to look looks. */
async function comeToRest(life: Life): Promise<void> {
  const { latent, worker } = life;
  latent.boots = true;
  const booted = new Set<unknown>();
  await until(async () => {
    for (const machine of latent.cloud.alive) {
      const row = await latent.row(worker);
      if (row.state === "starting" && !booted.has(machine)) {
        booted.add(machine);
        await latent.login(machine);
      }
    }
    for (const agent of latent.workers) if (agent.behaviour === untilStopped) await settle(latent);
    await life.endRest();
    await life.dueNow();
    await life.jobs.sweep();
    await latent.rig.sweep();
    await latent.distribute(life.jobs);
    await set(
      life,
      "update build set complete_at = now() - interval '1 h' where complete_at is not null",
    );
    await set(life, "update latent_worker set state_since = now() - interval '2 h'");
    await set(
      life,
      "update worker_session set ended_at = now() - interval '1 h' where ended_at is not null",
    );
    await set(life, "update latent_worker set checked_at = now() - interval '1 h'");
    const [left] = await latent.rig.db.rows<{ requests: number; builds: number; machines: number }>(
      `select (select count(*) from build_request where state in ('pending', 'claimed'))::int as requests,
         (select count(*) from build where state <> 'finished')::int as builds,
         (select count(*) from instance where state <> 'gone')::int as machines`,
    );
    const { state } = await latent.row(worker);
    return Object.values(left ?? {}).every((count) => count === 0) && state === "insubstantiated";
  });
}

/** Builds that run for ever are stopped in the end. */
async function settle(latent: Life["latent"]): Promise<void> {
  const running = await latent.rig.db.rows<{ id: BuildId }>(
    "select id from build where state = 'running'",
  );
  for (const { id } of running) {
    await latent.rig.commands.stopBuild(CALLER, id, { reason: "the end" }).catch(() => {});
  }
}

test.each(Object.keys(STATES))(
  "%s",
  async (state) => {
    const life = await createLife();
    const { latent } = life;
    // Another builder of the same worker has a part in each of them.
    const other = await latent.rig.addBuilder("c", [life.worker], [STEP]);
    for (const event of Object.keys(EVENTS)) {
      latent.boots = true;
      await life.configure({ build_wait_timeout: 0 });
      const where = `${state}: ${event}`;
      if (process.env.RIG_LOG) console.log(new Date().toISOString(), where);
      const open = await STATES[state]?.(life);
      const beside: BuildRequestId = await latent.rig.force(other);
      await EVENTS[event]?.(life);
      open?.();
      await comeToRest(life);
      expect(latent.cloud.alive, where).toEqual([]);
      expect(latent.cloud.faults, where).toEqual([]);
      expect((await latent.rig.request(beside)).state, where).toBe("done");
      const next = await life.build();
      expect((await latent.rig.build(next)).result, where).toBe(SUCCESS);
      await comeToRest(life);
    }
    await latent.close();
  },
  120_000,
);
