// Guarantees: no path of the API shows, counts or touches what belongs to another organisation; a
// foreign id is answered as an unknown one (C-164, B15).
import { afterAll, beforeAll, expect, it } from "vitest";
import { RESOURCES } from "../../../../server/rest/resources";
import { CONFIG, history, type Installation, openInstallation } from "./support";

let server: Installation;
let ours: Awaited<ReturnType<typeof history>>;
let theirs: Awaited<ReturnType<typeof history>>;
let key: string;

beforeAll(async () => {
  server = await openInstallation();
  const main = await server.organization("main", CONFIG("a"));
  const other = await server.organization("other", CONFIG("b"));
  ours = await history(server, main);
  theirs = await history(server, other);
  for (const table of ["scheduler", "change_source"]) {
    await server.owner.rows(`update ${table} set removed_at = null`);
  }
  key = await server.token(main, "read", "trigger", "workers", "config");
});
afterAll(() => server.close());

/** Every way that leads to something of this organisation, by id and by name. */
function paths(facts: typeof ours): string[] {
  const { builder, worker, doneId, doneRequestId, buildsetId, stampId, stepId, logId } = facts;
  const { changeId, schedulerId, sourceId } = facts;
  const builders = [`/builders/${builder.id}`, `/builders/${builder.name}`];
  const builds = [`/builds/${doneId}`, ...builders.map((path) => `${path}/builds/1`)];
  const steps = [
    `/steps/${stepId}`,
    ...builds.flatMap((path) => [`${path}/steps/0`, `${path}/steps/test`]),
  ];
  const logs = [`/logs/${logId}`, ...steps.map((path) => `${path}/logs/stdio`)];
  return [
    ...builders.flatMap((path) => [
      path,
      `${path}/builds`,
      `${path}/buildrequests`,
      `${path}/workers`,
    ]),
    ...builds.flatMap((path) => [path, `${path}/steps`, `${path}/properties`]),
    ...steps.flatMap((path) => [path, `${path}/logs`]),
    ...logs.flatMap((path) => [path, `${path}/contents`, `${path}/raw`, `${path}/raw_inline`]),
    ...[worker.id, worker.name].flatMap((id) => [`/workers/${id}`, `/workers/${id}/builds`]),
    ...[`/buildrequests/${doneRequestId}`, `/buildrequests/${doneRequestId}/builds`],
    ...[`/buildsets/${buildsetId}`, `/buildsets/${buildsetId}/properties`],
    ...[`/sourcestamps/${stampId}`, `/sourcestamps/${stampId}/changes`],
    ...[`/changes/${changeId}`, `/changes/${changeId}/builds`, `/builds/${doneId}/changes`],
    ...[`/buildsets/${buildsetId}/changes`, `/buildsets/${buildsetId}/sourcestamps`],
    ...[`/schedulers/${schedulerId}`, `/changesources/${sourceId}`],
  ];
}

it("knows no foreign ids", async () => {
  const unknown = 424_242;
  for (const path of paths(ours)) {
    expect((await server.get(`/main/api/v2${path}`, key)).status, path).toBe(200);
  }
  for (const path of paths(theirs)) {
    const { status, text } = await server.get(`/main/api/v2${path}`, key);
    const [, collection] = path.split("/");
    const missing = await server.get(`/main/api/v2/${collection}/${unknown}`, key);
    expect(status, path).toBe(404);
    expect(text, path).toMatch(/^\{"error":"[a-z ]+ not found"\}$/);
    expect(missing.status).toBe(404);
  }
  expect(server.faults).toEqual([]);
});

it("lists and counts only its own", async () => {
  const foreign = JSON.stringify(theirs.builder.name).slice(1, 2);
  expect(foreign).toBe("b");
  for (const [name, { isListed }] of Object.entries(RESOURCES)) {
    if (!isListed || name === "masters") continue;
    const mine = await server.get(`/main/api/v2/${name}?limit=1`, key);
    const all = await server.get(`/main/api/v2/${name}`, key);
    expect(mine.body.meta.total, name).toBe(all.body[name].length);
    expect(all.text, name).not.toMatch(/"b-/);
  }
  const filtered = await server.get(`/main/api/v2/builds?builderid=${theirs.builder.id}`, key);
  expect(filtered.body).toEqual({ builds: [], meta: { total: 0 } });
});

it("steers nothing foreign", async () => {
  const before = await server.owner.rows(
    "select (select count(*) from buildset) as sets, (select count(*) from audit_entry) as audits",
  );
  for (const [path, method] of [
    [`/builders/${theirs.builder.id}`, "force"],
    [`/builders/${theirs.builder.name}`, "force"],
    [`/builds/${theirs.runningId}`, "stop"],
    [`/builds/${theirs.doneId}`, "rebuild"],
    [`/buildrequests/${theirs.runningRequestId}`, "cancel"],
    [`/workers/${theirs.worker.id}`, "pause"],
    [`/workers/${theirs.worker.name}`, "kill"],
    [`/changesources/${theirs.sourceId}`, "poll"],
  ] as const) {
    const { status } = await server.rpc(`/main/api/v2${path}`, key, method, {});
    expect(status, `${path} ${method}`).toBe(404);
  }
  const enable = await server.rpc(
    `/main/api/v2/schedulers/${theirs.schedulerId}`,
    ...([key, "enable", { enabled: false }] as const),
  );
  expect(enable.status).toBe(404);
  const { status } = await server.rpc("/main/api/v2/forceschedulers/force", key, "force", {
    builderid: theirs.builder.id,
  });
  expect(status).toBe(404);
  const after = await server.owner.rows(
    "select (select count(*) from buildset) as sets, (select count(*) from audit_entry) as audits",
  );
  expect(after).toEqual(before);
});
