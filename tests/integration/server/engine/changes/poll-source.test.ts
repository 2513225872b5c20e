/**
 * A change source over all processes: one poll at a time, what it saw and where it got to are one
 * transaction, a poll that was killed is made again, a failure is kept in words; and a push to a
 * real repository ends in a build of that very revision (CORE §9).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeChangeSource } from "../../../../../server/change-sources";
import {
  type ChangeSource,
  type PollContext,
  SourceProblem,
} from "../../../../../server/change-sources/contract";
import { newChange } from "../../../../../server/domain/changes";
import type {
  BuilderId,
  BuildRequestId,
  ChangeSourceId,
  ProcessId,
} from "../../../../../server/domain/ids";
import { fireDue, type PollerContext, pollSource } from "../../../../../server/engine";
import { completed } from "../../../../../server/protocols/null";
import { makeScheduler } from "../../../../../server/schedulers";
import { Secret } from "../../../../../server/secrets/contract";
import { createRig, isFinished, type Rig, until } from "../../../../support/engine-rig";
import { createGitRepository } from "../../../../support/git-repository";

let rig: Rig;
let builder: BuilderId;
let directory: string;
let context: PollerContext;
/** What the fake source does when it is polled. */
let behaviour: ChangeSource["poll"];
const seen: PollContext[] = [];

beforeAll(async () => {
  rig = await createRig();
  directory = await mkdtemp(join(tmpdir(), "slipway-polls-"));
  const worker = await rig.addWorker("w1");
  builder = await rig.addBuilder("tests", [worker], []);
  const socket = await rig.socket();
  await socket.connect("w1", { behaviour: () => completed(0) });
  await rig.db.rows(
    `insert into scheduler (org_id, name, kind, config) values (1, 'all', 'AnyBranchScheduler', '{"builderNames": ["tests"]}')`,
  );
  context = {
    db: rig.db,
    processId: await process(),
    makeSource: (row) =>
      row.kind === "Fake"
        ? {
            secretNames: ["token"],
            delayMs: () => 600_000,
            poll: (how) => {
              seen.push(how);
              return behaviour(how);
            },
          }
        : makeChangeSource(row),
    makeScheduler,
    secrets: {
      read: async ({ names }) => new Map(names.map((name) => [name, new Secret(name, "hidden")])),
    },
    directory,
    isHosted: false,
    insist: (_, work) => work(),
    wake: () => void rig.distribute(),
    announce: () => {},
    stop: new AbortController().signal,
    now: Date.now,
    random: () => 0.5,
  };
});
afterAll(async () => {
  await rig.close();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(() => {
  seen.length = 0;
});

async function process(): Promise<ProcessId> {
  const [row] = await rig.db.rows<{ id: ProcessId }>(
    `insert into process (kind, host, pid, lease_expires_at)
     values ('jobs', 'test', 1, now() + interval '1 hour') returning id`,
  );
  return (row as { id: ProcessId }).id;
}

let count = 0;
async function source(kind = "Fake", config: object = {}): Promise<ChangeSourceId> {
  count += 1;
  const [row] = await rig.db.rows<{ id: ChangeSourceId }>(
    `insert into change_source (org_id, name, kind, config, fire_at) values (1, $1, $2, $3, now()) returning id`,
    [`source ${count}`, kind, JSON.stringify(config)],
  );
  return (row as { id: ChangeSourceId }).id;
}

interface Row {
  cursor: unknown;
  last_error: string | null;
  failing: boolean;
  polling: boolean;
  wait: number | null;
}
const row = async (id: ChangeSourceId): Promise<Row> =>
  (
    await rig.db.rows<Row>(
      `select cursor, last_error, failing_since is not null as failing, poller_id is not null as polling,
         extract(epoch from fire_at - now())::float8 as wait from change_source where id = $1`,
      [id],
    )
  )[0] as Row;
// Well before now: a column of milliseconds may round now() up into the future.
const due = (id: ChangeSourceId) =>
  rig.db.rows("update change_source set fire_at = now() - interval '1 s' where id = $1", [id]);

const nothing = async () => ({ changes: [], cursor: { at: 1 }, note: null });

test("a poll gets its secrets and what it remembered; its cursor and the next time are kept", async () => {
  behaviour = nothing;
  const id = await source();
  expect(await pollSource(context, id)).toBe(true);
  expect(seen[0]?.cursor).toEqual({});
  expect(seen[0]?.secrets.get("token")).toBe("hidden");
  expect(await row(id)).toMatchObject({ cursor: { at: 1 }, last_error: null, polling: false });
  expect(Math.round((await row(id)).wait ?? 0)).toBe(600);
  // Not due: a job that comes twice does nothing.
  expect(await pollSource(context, id)).toBe(false);
});

test("one poll at a time, whoever asks; asked for meanwhile, another follows at once", async () => {
  const id = await source();
  let finish = () => {};
  behaviour = () =>
    new Promise((resolve) => {
      finish = () => resolve({ changes: [], cursor: {}, note: null });
    });
  const other = { ...context, processId: await process() };
  const polls = [pollSource(context, id), pollSource(other, id), pollSource(other, id)];
  let refused = 0;
  for (const one of polls) {
    void one.then(() => {
      refused += 1;
    });
  }
  await until(() => seen.length > 0 && refused === 2);
  await due(id);
  expect(await pollSource(other, id)).toBe(false);
  finish();
  expect((await Promise.all(polls)).filter(Boolean)).toHaveLength(1);
  expect((await row(id)).wait).toBeLessThanOrEqual(0);
});

test("a failure is kept in words until a poll succeeds, and what was known stays known", async () => {
  const id = await source();
  behaviour = nothing;
  await pollSource(context, id);
  await due(id);
  behaviour = () => Promise.reject(new SourceProblem("the host does not answer"));
  await pollSource(context, id);
  expect(await row(id)).toMatchObject({
    cursor: { at: 1 },
    last_error: "the host does not answer",
    failing: true,
  });
  expect(Math.round((await row(id)).wait ?? 0)).toBe(600);
  await due(id);
  behaviour = nothing;
  await pollSource(context, id);
  expect(await row(id)).toMatchObject({ last_error: null, failing: false });
});

test("one that cannot be read says so", async () => {
  const id = await source("GitPoller", { repourl: "ext::sh" });
  await pollSource(context, id);
  expect((await row(id)).last_error).toMatch(/git helper/);
});

test("the poll of a process that is gone is made again; what that process says later does not count", async () => {
  const id = await source();
  const gone = { ...context, processId: await process() };
  let finish = () => {};
  behaviour = () =>
    new Promise((resolve) => {
      finish = () =>
        resolve({
          changes: [newChange({ author: "late", repository: "r", when: 0 })],
          cursor: { late: true },
          note: null,
        });
    });
  const late = pollSource(gone, id);
  await until(() => seen.length > 0);
  const polled: ChangeSourceId[] = [];
  const look = () => fireDue({ ...context, poll: (one) => polled.push(one), log: () => {} }, 0);
  await look();
  expect(polled).not.toContain(id);
  await rig.db.rows("update process set gone_at = now() where id = $1", [gone.processId]);
  await look();
  expect(polled).toContain(id);
  behaviour = nothing;
  expect(await pollSource(context, id)).toBe(true);
  finish();
  await late;
  expect(await row(id)).toMatchObject({ cursor: { at: 1 }, polling: false });
  expect(await rig.db.rows("select from change where author = 'late'")).toEqual([]);
});

test("what was seen of an older configuration does not count", async () => {
  const id = await source();
  behaviour = async () => {
    await rig.db.rows(`update change_source set config = '{"new": true}' where id = $1`, [id]);
    return {
      changes: [newChange({ author: "stale", repository: "r", when: 0 })],
      cursor: { stale: true },
      note: null,
    };
  };
  await pollSource(context, id);
  expect(await row(id)).toMatchObject({ cursor: {}, polling: false });
  expect(await rig.db.rows("select from change where author = 'stale'")).toEqual([]);
  expect((await row(id)).wait).toBeLessThanOrEqual(0);
});

test("a push to a repository ends in a build of its revision", async () => {
  const repository = await createGitRepository();
  await repository.commit("main", "a", "old");
  const id = await source("GitPoller", { repourl: repository.path, branches: true });
  await pollSource(context, id);
  expect(await row(id)).toMatchObject({ last_error: null });
  const first = await repository.commit("main", "src/a.c", "first");
  const second = await repository.commit("main", "src/b.c", "second");
  rig.isDistributing = true;
  await due(id);
  await pollSource(context, id);

  const requests = await until(async () => {
    const rows = await rig.db.rows<{ id: BuildRequestId; revision: string; covered: string[] }>(
      `select r.id, t.revision, (select jsonb_agg(c.revision order by c.id) from changes_of_request(r.id) x
         join change c on c.id = x.change_id) as covered
       from build_request r join buildset_source_stamp l on l.buildset_id = r.buildset_id
       join source_stamp t on t.id = l.source_stamp_id
       where r.builder_id = $1 and r.collapsed_into_id is null order by r.id`,
      [builder],
    );
    return rows.length > 0 ? rows : null;
  });
  expect(requests).toMatchObject([{ revision: second, covered: [first, second] }]);
  const build = await rig.build((requests[0] as { id: BuildRequestId }).id, isFinished);
  const [{ properties } = { properties: {} }] = await rig.db.rows<{ properties: object }>(
    "select properties from build where id = $1",
    [build.id],
  );
  expect(properties).toMatchObject({
    revision: [second, "Build"],
    branch: ["main", "Build"],
    repository: [repository.path, "Build"],
    owners: [["Ada <ada@example.org>"], "Build"],
  });
  await repository.close();
});
