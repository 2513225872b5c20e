// Guarantee: an organisation never has more machines than its limits let it, whoever orders and however
// many at once; what waits for a limit waits in line and says so, and the owners get one mail of it
// (W-144). Machines that have lived their time take no new builds and go.
import { afterEach, beforeEach, expect, test } from "vitest";
import { CANCELLED } from "../../../../../server/domain/builds";
import type { BuilderId, WorkerId } from "../../../../../server/domain/ids";
import { costUntil, type Metered, ranSeconds } from "../../../../../server/domain/instances";
import { whyWaiting } from "../../../../../server/engine/distribute/why";
import { loadRoom } from "../../../../../server/fleet";
import { costWithin, secondsWithin } from "../../../../../server/fleet/caps/meter-sql";
import { untilStopped } from "../../../../../server/protocols/null";
import { CALLER, isFinished, isRunning, until } from "../../../../support/engine-rig";
import { createLatentRig, type JobsProcess, type LatentRig } from "../../../../support/latent-rig";
import { seededRandom } from "../../../../support/seeded-random";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let latent: LatentRig;
let jobs: JobsProcess;
beforeEach(async () => {
  latent = await createLatentRig();
  jobs = await latent.jobs();
});
afterEach(async () => {
  expect(latent.cloud.faults).toEqual([]);
  await latent.close();
});

const rows = <R>(text: string, values: unknown[] = []) => latent.rig.db.rows<R>(text, values);
const limit = (columns: string, values: string) =>
  rows(`insert into instance_policy (org_id, changed_by, ${columns}) values (1, 'ada', ${values})`);
const notices = () =>
  rows<{ kind: string; body: string; count: number }>("select * from notice order by id");
const why = async (request: number) =>
  (await whyWaiting(latent.rig.db, CALLER.orgId, [request], Date.now())).get(request);

/** Workers that each keep their machine, all of one builder. */
async function fleet(count: number, config: object = { build_wait_timeout: -1 }) {
  const workers: WorkerId[] = [];
  for (let n = 0; n < count; n += 1) workers.push(await latent.addLatent(`vm${n}`, config, 1));
  return { workers, builder: await latent.rig.addBuilder("b", workers, [STEP]) };
}
const force = async (builder: BuilderId, count: number) => {
  const requests = [];
  for (let n = 0; n < count; n += 1) requests.push(await latent.rig.force(builder));
  return requests;
};
/** Builds take until they are stopped. */
const neverEnd = () => {
  latent.cloud.onBoot = (machine) => {
    void latent.login(machine).then((agent) => {
      if (agent) agent.behaviour = untilStopped;
    });
  };
};

test("no more machines than the limit; the others wait in line, say why, and come when one is gone", async () => {
  await limit("max_instances", "2");
  latent.boots = false;
  const { workers, builder } = await fleet(5, { build_wait_timeout: 0 });
  const requests = await force(builder, 5);
  await latent.distribute(jobs);
  for (const worker of workers) await jobs.fleet.see(worker);
  expect(latent.cloud.alive).toHaveLength(2);
  const waiting = requests.slice(2);
  for (const request of waiting) {
    expect((await latent.rig.request(request)).state).toBe("pending");
    expect(await why(request)).toMatchObject({
      code: "limited",
      sentence: expect.stringMatching(
        /^No machine may be made for it now: 2 of 2 machines of the organisation are there \(limit max_instances\)/,
      ),
    });
  }
  expect(await notices()).toMatchObject([{ kind: "limit max_instances" }]);
  // They come and go, and everything is built.
  latent.boots = true;
  for (const machine of latent.cloud.alive) await latent.login(machine);
  await until(async () => {
    await latent.distribute(jobs);
    for (const worker of workers) await jobs.fleet.see(worker);
    expect(latent.cloud.alive.length).toBeLessThanOrEqual(2);
    const states = await Promise.all(requests.map((request) => latent.rig.request(request)));
    return states.every(({ state }) => state === "done");
  });
  // One mail a day, however often it was reached.
  expect(await notices()).toHaveLength(1);
});

test("orders that race for the last place: one gets it, the others wait in line and nobody rests", async () => {
  await limit("max_instances", "3");
  const { workers, builder } = await fleet(10);
  const others = await Promise.all([latent.jobs(), latent.jobs(), latent.jobs()]);
  const requests = await force(builder, 10);
  // Claimed by whoever has not heard of a limit.
  for (const [index, request] of requests.entries()) {
    const worker = workers[index] as WorkerId;
    expect(await latent.claim(others[index % 3] as JobsProcess, request, builder, worker)).toBe(
      true,
    );
  }
  await Promise.all(
    workers.map((worker, index) => (others[index % 3] as JobsProcess).fleet.see(worker)),
  );
  expect(latent.cloud.machines).toHaveLength(3);
  const places = await rows<{ place: number }>("select place from instance order by place");
  expect(places.map(({ place }) => place)).toEqual([1, 2, 3]);
  expect(await rows("select id from worker where quarantined_until is not null")).toEqual([]);
  await until(async () => {
    const states = await Promise.all(requests.map((request) => latent.rig.request(request)));
    return states.filter(({ state }) => state === "pending").length === 7;
  });
});

test("at the last hour and the last money no machine is made, and those that are there build on", async () => {
  const { workers, builder } = await fleet(2, { build_wait_timeout: -1, price_per_hour: 2 });
  const [first] = await force(builder, 1);
  await latent.distribute(jobs);
  for (const worker of workers) await jobs.fleet.see(worker);
  await latent.rig.build(first as never, isFinished);
  for (const agent of latent.workers) agent.behaviour = untilStopped;
  await rows(
    `update instance set billing = 'second', created_at = now() - interval '90 minutes', answered_at = now() - interval '90 minutes'`,
  );
  for (const [column, amount, sentence] of [
    ["max_hours_per_day", "1.4", /of 1.4 machine hours of today \(UTC\) are used/],
    ["max_hours_per_month", "1.4", /machine hours of this month \(UTC\) are used/],
    ["max_cost_per_day", "2.9", /of 2.9 EUR for today \(UTC\) are spent/],
    ["max_cost_per_month", "2.9", /for this month \(UTC\) are spent/],
  ] as const) {
    await limit(`currency, ${column}`, `'EUR', ${amount}`);
    const { reached, left } = await loadRoom(latent.rig.db, CALLER.orgId);
    // Just after midnight, or at the beginning of a month, most of it was yesterday's.
    const isYoung = new Date().getUTCHours() < 2;
    if (!isYoung) {
      expect(left).toBe(0);
      expect(reached?.sentence).toMatch(sentence);
      const [builds, waits] = await force(builder, 2);
      await latent.distribute(jobs);
      const { id } = await latent.rig.build(builds as never, isRunning);
      expect((await latent.rig.request(waits as never)).state).toBe("pending");
      expect((await why(waits as never))?.sentence).toMatch(sentence);
      await latent.rig.commands.stopBuild(CALLER, id, { reason: "enough" });
      await latent.rig.build(builds as never, isFinished);
      await rows("update build_request set state = 'cancelled' where state = 'pending'");
    }
    await rows("delete from instance_policy");
  }
});

test("what machines have used is kept when they are gone, day by day, as their meters said", async () => {
  const { workers, builder } = await fleet(1, { build_wait_timeout: 0, price_per_hour: 6 });
  const [worker] = workers as [WorkerId];
  const [request] = await force(builder, 1);
  latent.boots = false;
  await latent.distribute(jobs);
  await jobs.fleet.see(worker);
  await rows(
    "update instance set billing = 'started-hour', created_at = (current_date - 1)::timestamp at time zone 'UTC' + interval '22 hours 30 minutes'",
  );
  const [machine] = latent.cloud.alive;
  if (machine) await latent.login(machine);
  await latent.rig.build(request as never, isFinished);
  await until(async () => {
    await jobs.fleet.see(worker);
    return (await latent.row(worker)).state === "insubstantiated";
  });
  const [instance] = await rows<{ created: number; gone: number }>(
    `select (extract(epoch from created_at) * 1000)::float8 as created, (extract(epoch from gone_at) * 1000)::float8 as gone from instance`,
  );
  const usage = await rows<{ seconds: number; cost: number }>(
    "select seconds, cost from instance_usage where kind = 'all' order by day",
  );
  const life: Metered = {
    ...{ billing: "started-hour", pricePerHour: 6, isMade: true },
    ...{ createdAt: instance?.created ?? 0, goneAt: instance?.gone ?? 0 },
  };
  const sum = (key: "seconds" | "cost") => usage.reduce((all, row) => all + row[key], 0);
  expect(usage).toHaveLength(2);
  expect(sum("seconds")).toBeCloseTo(ranSeconds(life, Number.MAX_SAFE_INTEGER), 0);
  expect(sum("cost")).toBeCloseTo(costUntil(life, Number.MAX_SAFE_INTEGER) ?? -1, 6);
  expect(usage[0]?.cost).toBe(12);
  const charged = await rows<{ whom: string; cost: number }>(
    "select kind || ' ' || subject_id as whom, sum(cost) as cost from instance_usage where kind <> 'all' group by 1 order by 1",
  );
  expect(charged.map(({ whom }) => whom)).toEqual([`builder ${builder}`, `worker ${worker}`]);
  for (const { cost } of charged) expect(cost).toBeCloseTo(sum("cost"), 6);
});

test("the meter of the database is the meter of the pages", async () => {
  const random = seededRandom(3);
  const now = Date.parse("2026-05-31T12:00:00Z");
  const lives = Array.from({ length: 400 }, () => {
    const createdAt = now - random.below(200_000_000);
    return {
      billing: (["second", "started-hour", "free"] as const)[random.below(3)] ?? "second",
      pricePerHour: random.below(4) === 0 ? null : random.below(900) / 100,
      createdAt,
      isMade: random.below(5) > 0,
      goneAt: random.below(3) === 0 ? null : createdAt + random.below(90_000_000),
      from: now - random.below(250_000_000),
      to: now - random.below(10_000_000),
    };
  }).filter(({ from, to }) => from <= to);
  const answers = await rows<{ seconds: number; cost: number }>(
    `select ${secondsWithin("i", "to_timestamp(i.f / 1000)", "to_timestamp(i.t / 1000)")} as seconds,
       ${costWithin("i", "to_timestamp(i.f / 1000)", "to_timestamp(i.t / 1000)")} as cost
     from (select billing, price as price_per_hour, to_timestamp(c / 1000) as created_at, to_timestamp(g / 1000) as gone_at,
             case when made then now() end as answered_at, null::timestamptz as connected_at, f, t
           from jsonb_to_recordset($1::jsonb) as x (billing text, price float8, c float8, g float8, made boolean, f float8, t float8)) i`,
    [
      JSON.stringify(
        lives.map(({ billing, pricePerHour, createdAt, goneAt, isMade, from, to }) => ({
          ...{
            billing,
            price: pricePerHour,
            c: createdAt,
            g: goneAt,
            made: isMade,
            f: from,
            t: to,
          },
        })),
      ),
    ],
  );
  expect(answers).toHaveLength(lives.length);
  for (const [index, life] of lives.entries()) {
    const { from, to } = life;
    expect(answers[index]?.seconds).toBeCloseTo(ranSeconds(life, to) - ranSeconds(life, from), 3);
    const cost = (costUntil(life, to) ?? 0) - (costUntil(life, from) ?? 0);
    expect(answers[index]?.cost).toBeCloseTo(cost, 6);
  }
});

test("after max_lifetime no new build comes to it, and it goes when those it has are over", async () => {
  const { workers, builder } = await fleet(1, { build_wait_timeout: -1, max_lifetime: 3_600 });
  const [worker] = workers as [WorkerId];
  neverEnd();
  const [running] = await force(builder, 1);
  await latent.distribute(jobs);
  await jobs.fleet.see(worker);
  await latent.rig.build(running as never, isRunning);
  await rows("update instance set created_at = now() - interval '61 minutes'");
  await jobs.fleet.see(worker);
  expect(await rows("select is_draining from worker")).toEqual([{ is_draining: true }]);
  const [next] = await force(builder, 1);
  await latent.distribute(jobs);
  expect((await latent.rig.request(next as never)).state).toBe("pending");
  expect(latent.cloud.alive).toHaveLength(1);
  // The build that it has may end in peace.
  const build = await latent.rig.build(running as never);
  await latent.rig.commands.stopBuild(CALLER, build.id, { reason: "enough" });
  await latent.rig.build(running as never, isFinished);
  await until(async () => {
    await jobs.fleet.see(worker);
    return (await latent.row(worker)).state === "insubstantiated";
  });
  // The flag was the machine's: the next build has a new one.
  expect(await rows("select is_draining from worker")).toEqual([{ is_draining: false }]);
  await latent.distribute(jobs);
  await until(() => latent.cloud.machines.length === 2);
});

test("after the grace its builds are ended for good, and it goes", async () => {
  const { workers, builder } = await fleet(1, {
    ...{ build_wait_timeout: -1, max_lifetime: 3_600, max_lifetime_grace: 60 },
  });
  const [worker] = workers as [WorkerId];
  neverEnd();
  const [running] = await force(builder, 1);
  await latent.distribute(jobs);
  await jobs.fleet.see(worker);
  await latent.rig.build(running as never, isRunning);
  await rows("update instance set created_at = now() - interval '62 minutes'");
  await until(async () => {
    await jobs.fleet.see(worker);
    return (await latent.row(worker)).state === "insubstantiated";
  });
  const ended = await latent.rig.build(running as never, isFinished);
  expect(ended.result).toBe(CANCELLED);
  expect(await latent.rig.request(running as never)).toMatchObject({ state: "done" });
  expect(latent.cloud.alive).toEqual([]);
});

test("with neither lifetime it stays", async () => {
  const { workers, builder } = await fleet(1, { build_wait_timeout: -1, max_lifetime: null });
  const [worker] = workers as [WorkerId];
  const [request] = await force(builder, 1);
  await latent.distribute(jobs);
  await jobs.fleet.see(worker);
  await latent.rig.build(request as never, isFinished);
  await rows("update instance set created_at = now() - interval '1 year'");
  await jobs.fleet.see(worker);
  expect((await latent.row(worker)).state).toBe("substantiated");
});
