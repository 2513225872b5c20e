/**
 * Every pending request that could run is given to a worker, once, and no limit of a worker is ever
 * passed, however many distribute, cancel and submit at the same time (C-100 to C-106, B13).
 */
import { afterEach, beforeEach, expect, test } from "vitest";
import { CANCELLED, SUCCESS } from "../../../../server/domain/builds";
import type { BuilderId, BuildRequestId, WorkerId } from "../../../../server/domain/ids";
import { distribute, whyWaiting } from "../../../../server/engine";
import { loadWaiting } from "../../../../server/engine/distribute/queue";
import { untilStopped } from "../../../../server/protocols/null";
import { CALLER, createRig, isFinished, type Rig, until } from "../../../support/engine-rig";

const STEP = { type: "ShellCommand", name: "run", command: ["run"] };

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
  rig.isDistributing = false;
});
afterEach(() => rig.close());

const again = () =>
  distribute({ db: rig.db, actor: "jobs", now: Date.now, tell: () => {} }, CALLER.orgId);

/** Requests by the thousand, without going through the door. */
async function pending(builderId: BuilderId, count: number): Promise<void> {
  await rig.db.rows(
    `with s as (insert into buildset (org_id, reason, scheduler, properties, open_requests)
       select 1, 'test', 'test', '{}', 1 from generate_series(1, $2::int) returning id)
     insert into build_request (org_id, buildset_id, builder_id, state) select 1, id, $1, 'pending' from s`,
    [builderId, count],
  );
}

async function workers(count: number, maxBuilds: number | null = null): Promise<WorkerId[]> {
  const socket = await rig.socket();
  const ids: WorkerId[] = [];
  for (let n = 0; n < count; n += 1) {
    ids.push(await rig.addWorker(`w${n}`, maxBuilds));
    await socket.connect(`w${n}`, { behaviour: untilStopped });
  }
  return ids;
}

test("B13: a request cancelled at the moment of its claim is never built", async () => {
  rig.isDistributing = true;
  const socket = await rig.socket();
  const ids: WorkerId[] = [];
  for (let n = 0; n < 4; n += 1) {
    ids.push(await rig.addWorker(`w${n}`));
    await socket.connect(`w${n}`, { behaviour: untilStopped });
  }
  const builder = await rig.addBuilder("b1", ids, [STEP]);
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      const request = await rig.force(builder);
      await rig.commands.cancelRequest(CALLER, request, "changed my mind");
    }),
  );
  await until(async () => {
    const open = await rig.db.rows(
      "select from build_request where state in ('pending', 'claimed')",
    );
    return open.length === 0;
  });
  const results = await rig.db.rows<{ result: number; count: number }>(
    "select result, count(*) from build_request group by result",
  );
  expect(results).toEqual([{ result: CANCELLED, count: 100 }]);
  expect(await rig.db.rows("select from build where state <> 'finished'")).toHaveLength(0);
  expect(await rig.db.rows("select from buildset where complete_at is null")).toHaveLength(0);
});

test("a cancel that waits for the claim stops the build that the claim made", async () => {
  const [worker] = await workers(1);
  const builder = await rig.addBuilder("b1", [worker as WorkerId], [STEP]);
  const request = await rig.force(builder);
  let cancelling: Promise<void> = Promise.resolve();
  await rig.db.transaction(async (tx) => {
    await distribute({ db: tx, actor: "jobs", now: Date.now, tell: () => {} }, CALLER.orgId);
    cancelling = rig.commands.cancelRequest(CALLER, request, "too late");
    await until(async () => {
      const waiting = await rig.db.rows(
        "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return waiting.length > 0;
    });
  });
  await cancelling;
  expect((await rig.build(request, isFinished)).result).toBe(CANCELLED);
});

test("many distributors at once: each request once, every worker used, no limit passed", async () => {
  const ids = await workers(10, 2);
  const builders = await Promise.all(
    ["a", "b", "c", "d"].map((name) => rig.addBuilder(name, ids, [STEP])),
  );
  for (const builder of builders) await pending(builder, 30);
  await Promise.all(Array.from({ length: 6 }, again));
  const [seen] = await rig.db.rows(
    `select count(*) as builds, count(distinct build_request_id) as requests,
       count(distinct (worker_id, builder_id)) as pairs, count(distinct (worker_id, worker_slot)) as slots,
       max(worker_slot) as highest from build`,
  );
  expect(seen).toEqual({ builds: 20, requests: 20, pairs: 20, slots: 20, highest: 2 });
});

test("more workers than one round sees are all given work", async () => {
  const ids: WorkerId[] = [];
  const socket = await rig.socket();
  for (let n = 0; n < 70; n += 1) {
    ids.push(await rig.addWorker(`w${n}`, 1));
    await socket.connect(`w${n}`, { behaviour: untilStopped });
  }
  const builder = await rig.addBuilder("b", ids, [STEP]);
  await pending(builder, 80);
  expect(await again()).toBe(70);
});

test("a worker whose process let its lease lapse does not stand in the way of another", async () => {
  const lapsed = await rig.socket();
  const alive = await rig.socket();
  const ids = [await rig.addWorker("w1"), await rig.addWorker("w2")];
  await lapsed.connect("w1");
  await alive.connect("w2");
  await rig.db.rows(
    "update process set lease_expires_at = now() - interval '1 second' where id = $1",
    [lapsed.id],
  );
  const builder = await rig.addBuilder("b", ids, [STEP]);
  for (let n = 0; n < 5; n += 1) {
    const request = await rig.force(builder);
    await rig.distribute();
    expect(await rig.build(request, isFinished)).toMatchObject({
      worker_id: ids[1],
      result: SUCCESS,
    });
  }
});

test.each([
  ["paused", "paused_at = now()"],
  ["draining", "is_draining = true"],
  ["quarantined", "quarantined_until = now() + interval '1 minute'"],
  ["removed", "removed_at = now()"],
  ["offline", "session_id = null"],
])("a worker that is %s gets nothing, and says why", async (code, change) => {
  const ids = await workers(1);
  const builder = await rig.addBuilder("b", ids, [STEP]);
  const request = await rig.force(builder);
  await rig.db.rows(`update worker set ${change}`);
  expect(await again()).toBe(0);
  const why = await whyWaiting(rig.db, CALLER.orgId, [request], Date.now());
  expect(why.get(request)?.code).toBe(code === "removed" ? "no-workers" : code);
  await rig.db.rows(
    "update worker set paused_at = null, is_draining = false, quarantined_until = null, removed_at = null, session_id = (select max(id) from worker_session)",
  );
  expect((await whyWaiting(rig.db, CALLER.orgId, [request], Date.now())).get(request)?.code).toBe(
    "next",
  );
  expect(await again()).toBe(1);
});

test("priority goes first, then age", async () => {
  const ids = await workers(1, 1);
  const builder = await rig.addBuilder("b", ids, [STEP]);
  const requests: BuildRequestId[] = [];
  for (const priority of [0, 0, 5, 5]) requests.push(await rig.force(builder, priority));
  await rig.commands.setPriority(CALLER, requests[1] as BuildRequestId, 9);
  const order: (BuildRequestId | undefined)[] = [];
  for (let n = 0; n < 4; n += 1) {
    await again();
    const [build] = await rig.db.rows<{ build_request_id: BuildRequestId }>(
      "select build_request_id from build where state <> 'finished'",
    );
    order.push(build?.build_request_id);
    await rig.db.rows("update build set state = 'finished', result = 0 where state <> 'finished'");
  }
  expect(order).toEqual([requests[1], requests[2], requests[3], requests[0]]);
});

test("a request that chose its worker waits for that one, says so, and holds nobody up", async () => {
  const ids = await workers(2);
  const builder = await rig.addBuilder("b", ids, [STEP]);
  await rig.db.rows("update builder set can_start_build = 'enforceChosenWorker'");
  const ask = async (workername?: string) => {
    const made = await rig.commands.forceForm(CALLER, {
      scheduler: "f",
      builderIds: [builder],
      owner: null,
      reason: "by hand",
      properties: workername === undefined ? {} : { workername },
      sourceStamps: [],
      priority: 0,
      idempotencyKey: null,
    });
    return made.requestIds[builder] as BuildRequestId;
  };
  const first = await ask("w0");
  const second = await ask("w0");
  const stranger = await ask("w9");
  const last = await ask();
  expect(await again()).toBe(2);
  const made = await rig.db.rows<{ build_request_id: number; worker_id: number }>(
    "select build_request_id, worker_id from build order by build_request_id",
  );
  expect(made).toEqual([
    { build_request_id: first, worker_id: ids[0] },
    { build_request_id: last, worker_id: ids[1] },
  ]);
  const why = await whyWaiting(rig.db, CALLER.orgId, [second, stranger], Date.now());
  expect(why.get(second)).toMatchObject({
    code: "busy",
    sentence: "It asks for w0, which is busy.",
  });
  expect(why.get(stranger)?.sentence).toBe(
    "It asks for worker w9, which the builder does not name.",
  );
  // A builder that does not obey it takes the property for one like any other.
  await rig.db.rows("update builder set can_start_build = null");
  await rig.db.rows("update build set state = 'finished', result = 0");
  expect(await again()).toBe(2);
});

test("ten thousand waiting requests are not read to find the next one", async () => {
  const ids = await workers(3);
  const builder = await rig.addBuilder("b", ids, [STEP]);
  await pending(builder, 10_000);
  await rig.db.rows(
    `insert into build (org_id, builder_id, number, build_request_id, worker_id, worker_slot, builder_config_id, owner_id, state, state_string)
     select 1, $1, 1000000 + n, (select min(id) from build_request), $2, 1, 1, 1, 'finished', '' from generate_series(1, 10000) n`,
    [builder, ids[0]],
  );
  await rig.db.rows("analyze");
  const statements: { text: string; values: readonly unknown[] }[] = [];
  await loadWaiting(
    {
      async rows(statement, values = []) {
        statements.push({
          text: typeof statement === "string" ? statement : statement.text,
          values,
        });
        return [];
      },
    },
    CALLER.orgId,
  );
  const [{ text, values }] = statements as [{ text: string; values: readonly unknown[] }];
  const plan = await rig.db.rows<{ "QUERY PLAN": string }>(
    `explain (analyze, buffers) ${text.replace(/\$(\d)/g, (_, n) => String(values[Number(n) - 1]))}`,
  );
  const lines = plan.map((line) => line["QUERY PLAN"]).join("\n");
  expect(lines).not.toMatch(/Seq Scan on (build|build_request)\b/);
  const waiting = await loadWaiting(rig.db, CALLER.orgId);
  expect(waiting[0]?.requests).toHaveLength(3);
  expect(await again()).toBe(3);
});
