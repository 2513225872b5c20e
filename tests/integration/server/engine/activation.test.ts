// Guarantees: an activation leaves nothing waiting for ever and nothing running disturbed. What waits
// for a removed builder is cancelled and says why; a build keeps the configuration it began with, what
// waits runs with the new one, and the worker stays connected (C-003).
import { afterEach, beforeEach, expect, it } from "vitest";
import { applyConfig, checkConfig } from "../../../../server/config";
import { only } from "../../../../server/db/pool";
import { CANCELLED, SUCCESS } from "../../../../server/domain/builds";
import type { BuilderId, BuildId, BuildRequestId } from "../../../../server/domain/ids";
import { cancelWaitingForNothing } from "../../../../server/engine";
import { scripted } from "../../../../server/protocols/null";
import {
  CALLER,
  createRig,
  isFinished,
  isRunning,
  RIG_KEY,
  type Rig,
  until,
} from "../../../support/engine-rig";

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const WORKERS = "workers: [{type: Worker, name: w, password: pass}]\n";
const BUILDER = (name: string, step: string) =>
  `{name: ${name}, workername: w, factory: [{type: ShellCommand, name: ${step}, command: [run]}]}`;
const activate = (...builders: string[]) => {
  const text = `${WORKERS}projects: {p: {builders: [${builders.join(", ")}]}}\n`;
  const { documents, errors } = checkConfig(text);
  if (!documents) throw new Error(JSON.stringify(errors));
  return rig.db.transaction((tx) =>
    applyConfig(tx, CALLER.orgId, documents, { author: "ada", sealingKey: RIG_KEY }),
  );
};
const builder = async (name: string) => {
  const [row] = await rig.db.rows<{ id: BuilderId }>("select id from builder where name = $1", [
    name,
  ]);
  return row?.id as BuilderId;
};
const reasons = (id: BuildRequestId) =>
  rig.db.rows(
    `select to_state, reason from transition
     where kind = 'build_request' and subject_id = $1 order by id desc limit 1`,
    [id],
  );

const sessionOf = async (name: string) =>
  only(
    await rig.db.rows<{ session_id: number | null }>(
      "select session_id from worker where name = $1",
      [name],
    ),
  ).session_id;

it("what waits for a removed builder is cancelled, once, with its reason", async () => {
  await activate(BUILDER("kept", "one"), BUILDER("gone", "one"));
  const [kept, gone] = [await builder("kept"), await builder("gone")];
  const both = await rig.commands.forceForm(CALLER, {
    builderIds: [kept, gone],
    reason: "test",
    owner: null,
    scheduler: "test",
    properties: {},
    sourceStamps: [],
    priority: 0,
    idempotencyKey: null,
  });
  const alone = [await rig.force(gone), await rig.force(gone)];
  await activate(BUILDER("kept", "one"));
  const told: string[] = [];
  const context = { db: rig.db, actor: "jobs 1", announce: () => told.push("x"), log: () => {} };
  await Promise.all([
    cancelWaitingForNothing(context, CALLER.orgId),
    cancelWaitingForNothing(context, CALLER.orgId),
    rig.sweep(),
  ]);

  const cancelled = [both.requestIds[gone] as BuildRequestId, ...alone];
  for (const id of cancelled) {
    expect(await rig.request(id)).toEqual({ state: "cancelled", result: CANCELLED });
    expect(await reasons(id)).toEqual([
      { to_state: "cancelled", reason: "builder gone was removed from the configuration" },
    ]);
  }
  expect(await rig.request(both.requestIds[kept] as BuildRequestId)).toMatchObject({
    state: "pending",
  });
  // A buildset is over when nothing of it is open.
  const sets = await rig.db.rows(
    "select open_requests, result, complete_at is not null as over from buildset order by id",
  );
  const over = { open_requests: 0, result: CANCELLED, over: true };
  expect(sets).toEqual([{ open_requests: 1, result: null, over: false }, over, over]);
  const audit = await rig.db.rows(
    "select actor, subject, detail from audit_entry where action = 'request.cancel'",
  );
  expect(audit).toEqual([
    {
      actor: "jobs 1",
      subject: "builder gone",
      detail: { reason: "builder gone was removed from the configuration", requests: cancelled },
    },
  ]);
  expect(
    await rig.db.rows("select from outbox where topic like 'buildrequests/%/cancel'"),
  ).toHaveLength(3);
  expect(
    await rig.db.rows("select from outbox where topic like 'buildsets/%/complete'"),
  ).toHaveLength(2);
});

it("the sweep cancels what no notification told of", async () => {
  await activate(BUILDER("gone", "one"));
  const request = await rig.force(await builder("gone"));
  await activate();
  await rig.sweep();
  expect(await rig.request(request)).toEqual({ state: "cancelled", result: CANCELLED });
});

it("a running build keeps its configuration, the next has the new one, the session stays", async () => {
  await activate(BUILDER("b", "old-step"));
  // The rig's door compares passwords as they lie there.
  await rig.db.rows("update worker set sealed_password = 'pass', password_secret = null");
  const socket = await rig.socket();
  let end = () => {};
  const mayEnd = new Promise<void>((resolve) => {
    end = resolve;
  });
  await socket.connect("w", { behaviour: scripted({ wait: mayEnd }, { rc: 0 }) });
  const id = await builder("b");
  const first = await rig.force(id);
  const second = await rig.force(id);
  const running = await rig.build(first, isRunning);
  const stepStarted = async () => (await rig.steps(running.id)).some(isRunning);
  await until(stepStarted);
  const session = await sessionOf("w");

  await activate(BUILDER("b", "new-step"));
  await socket.sessions.reconfigure(CALLER.orgId);
  await rig.distribute();
  expect(await rig.request(second)).toMatchObject({ state: "pending" });
  end();
  const old = await rig.build(first, isFinished);
  const fresh = await rig.build(second, isFinished);
  const names = async (build: BuildId) => (await rig.steps(build)).map(({ name }) => name);
  expect([old.result, fresh.result]).toEqual([SUCCESS, SUCCESS]);
  expect(await rig.builds(first)).toHaveLength(1);
  expect(await names(old.id)).toEqual(["old-step"]);
  expect(await names(fresh.id)).toEqual(["new-step"]);
  const configs = await rig.db.rows<{ step: string }>(
    `select c.config->'steps'->0->>'name' as step from build b
     join builder_config c on c.id = b.builder_config_id order by b.id`,
  );
  expect(configs).toEqual([{ step: "old-step" }, { step: "new-step" }]);
  expect(await sessionOf("w")).toEqual(session);
  expect(session).not.toBeNull();
});
