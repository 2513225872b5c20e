// Guarantees: the API answers in Buildbot's shapes, filters, orders and pages (CORE §12), and each
// way to an object leads to the same one.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONFIG, history, type Installation, openInstallation } from "./support";

let server: Installation;
let facts: Awaited<ReturnType<typeof history>>;
let key: string;
const get = (path: string) => server.get(`/main/api/v2${path}`, key);

beforeAll(async () => {
  server = await openInstallation();
  const orgId = await server.organization("main", CONFIG("a"));
  facts = await history(server, orgId);
  key = await server.token(orgId, "read");
});
afterAll(() => server.close());

describe("shapes", () => {
  it("of a builder", async () => {
    const { builder, masterId } = facts;
    expect((await get(`/builders/${builder.id}`)).body).toEqual({
      builders: [
        {
          builderid: builder.id,
          name: "a-tests",
          description: null,
          description_format: null,
          description_html: null,
          masterids: [masterId],
          projectid: expect.any(Number),
          tags: ["unit", "a"],
        },
      ],
      meta: { total: 1 },
    });
  });

  it("of a build", async () => {
    const { body } = await get(`/builds/${facts.doneId}`);
    expect(body.builds).toEqual([
      {
        buildid: facts.doneId,
        builderid: facts.builder.id,
        buildrequestid: facts.doneRequestId,
        complete: true,
        complete_at: expect.any(Number),
        locks_duration_s: 0,
        masterid: facts.masterId,
        number: 1,
        properties: {},
        results: 2,
        started_at: expect.any(Number),
        state_string: "text",
        workerid: facts.worker.id,
      },
    ]);
    expect(Number.isInteger(body.builds[0].started_at)).toBe(true);
  });

  it("of a build request, waiting and done", async () => {
    const { body } = await get("/buildrequests?order=buildrequestid");
    expect(body.meta).toEqual({ total: 2 });
    expect(body.buildrequests[0]).toMatchObject({
      claimed: true,
      claimed_by_masterid: facts.masterId,
      complete: true,
      results: 2,
      waited_for: false,
      properties: {},
    });
    expect(body.buildrequests[1]).toMatchObject({
      complete: false,
      complete_at: null,
      results: -1,
    });
  });

  it("of a buildset with its source stamps", async () => {
    const { body } = await get(`/buildsets/${facts.buildsetId}`);
    expect(body.buildsets[0]).toMatchObject({
      bsid: facts.buildsetId,
      reason: "why",
      sourcestamps: [
        { ssid: facts.stampId, branch: "main", codebase: "", revision: null, patch: null },
      ],
    });
  });

  it("of a change, and what led to what", async () => {
    const { changeId, doneId, runningId, stampId, buildsetId } = facts;
    const { body } = await get(`/changes/${changeId}`);
    expect(body.changes).toEqual([
      {
        changeid: changeId,
        author: "a-ada",
        branch: "main",
        category: null,
        codebase: "",
        comments: "better",
        committer: "bob",
        files: ["a.c", "b c"],
        parent_changeids: [],
        project: "",
        properties: { event: ["push", "Change"] },
        repository: "r",
        revision: "abc",
        revlink: null,
        sourcestamp: expect.objectContaining({ ssid: stampId, branch: "main", patch: null }),
        when_timestamp: 1_700_000_000,
      },
    ]);
    const { builds } = (await get(`/changes/${changeId}/builds?field=buildid`)).body;
    expect(builds).toEqual([{ buildid: doneId }, { buildid: runningId }]);
    for (const path of [
      `/builds/${doneId}`,
      `/buildsets/${buildsetId}`,
      `/sourcestamps/${stampId}`,
    ]) {
      expect((await get(`${path}/changes?field=changeid`)).body.changes, path).toEqual([
        { changeid: changeId },
      ]);
    }
    expect((await get("/changes?branch=main&author__contains=ada")).body.meta.total).toBe(1);
  });

  it("of a scheduler and a change source", async () => {
    expect((await get(`/schedulers/${facts.schedulerId}`)).body.schedulers).toEqual([
      { schedulerid: facts.schedulerId, name: "a-all", enabled: true, master: null },
    ]);
    expect((await get("/changesources/a-source")).body.changesources).toEqual([
      { changesourceid: facts.sourceId, name: "a-source", master: null },
    ]);
  });

  it("of a worker", async () => {
    const { body } = await get(`/workers/${facts.worker.name}`);
    expect(body.workers[0]).toEqual({
      workerid: facts.worker.id,
      name: "a-linux",
      configured_on: [{ masterid: facts.masterId, builderid: facts.builder.id }],
      connected_to: [{ masterid: facts.masterId }],
      graceful: false,
      pause_reason: null,
      quarantine: { until: null, timeout: 10, reason: null },
      paused: false,
      workerinfo: {
        ...{ admin: "ops", host: "box", version: "3.7.0", numcpus: null },
        ...{ os_id: null, os_id_like: null, os_version_id: null, os_version_codename: null },
      },
    });
  });

  it("of a log and its lines", async () => {
    const { logId } = facts;
    expect((await get(`/logs/${logId}`)).body.logs[0]).toEqual({
      logid: logId,
      complete: true,
      name: "stdio",
      num_lines: 3,
      slug: "stdio",
      stepid: facts.stepId,
      type: "s",
    });
    const contents = await get(`/logs/${logId}/contents`);
    expect(contents.body).toEqual({
      logchunks: [{ logid: logId, firstline: 0, content: 'hmake\no"one"\neü\n' }],
      meta: { total: 1 },
    });
    const part = await get(`/logs/${logId}/contents?offset=1&limit=1`);
    expect(part.body.logchunks).toEqual([{ logid: logId, firstline: 1, content: 'o"one"\n' }]);
    const raw = await get(`/logs/${logId}/raw`);
    expect(raw.text).toBe('make\n"one"\nü\n');
    expect(raw.headers.get("content-disposition")).toBe('attachment; filename="stdio.txt"');
    const inline = await get(`/logs/${logId}/raw_inline`);
    expect(inline.headers.get("content-disposition")).toMatch(/^inline/);
    expect(inline.headers.get("content-security-policy")).toMatch(/sandbox/);
  });

  it("of properties", async () => {
    expect((await get(`/builds/${facts.doneId}/properties`)).body).toEqual({
      properties: [{ a: ["b", "c"], d: [5, "e"] }],
      meta: { total: 1 },
    });
    const asked = await get(`/builds/${facts.doneId}?property=d&property=none`);
    expect(asked.body.builds[0].properties).toEqual({ d: [5, "e"] });
    const all = await get(`/buildrequests/${facts.doneRequestId}?property=*`);
    expect(all.body.buildrequests[0].properties.x).toEqual([1, "s"]);
  });

  it("of what else there is", async () => {
    expect((await get("/projects")).body.projects[0]).toMatchObject({
      name: "a-project",
      active: true,
    });
    expect((await get("/sourcestamps")).body.sourcestamps).toHaveLength(1);
    expect((await get("/masters")).body.masters[0]).toMatchObject({ active: true });
    expect((await get(`/masters/${facts.masterId}`)).body.meta.total).toBe(1);
    const under = `/masters/${facts.masterId}`;
    const names = async (path: string, of: string) =>
      (await get(path)).body[of].map(({ name }: { name: string }) => name).sort();
    const all = await names("/builders", "builders");
    expect(await names(`${under}/builders`, "builders")).toEqual(all);
    expect(await names(`${under}/workers`, "workers")).toContain("a-linux");
    expect(await names(`${under}/builders/a-tests/workers`, "workers")).toContain("a-linux");
    expect(await names(`${under}/workers/a-linux`, "workers")).toEqual(["a-linux"]);
    expect((await get("/masters/424242/workers")).status).toBe(404);
    expect((await get("/workers?paused=true")).body.workers).toEqual([]);
    expect((await get("/workers?graceful=false&paused=false")).body.meta.total).toBeGreaterThan(0);
    expect((await get(`/projects/a-project/builders`)).body.meta.total).toBe(0 + 1);
  });
});

it("leads to one build on every way", async () => {
  const { builder, doneId, doneRequestId, worker } = facts;
  for (const path of [
    `/builds/${doneId}`,
    `/builders/${builder.id}/builds/1`,
    `/builders/${builder.name}/builds/1`,
    `/builders/${builder.name}/builds?number=1`,
    `/buildrequests/${doneRequestId}/builds`,
    `/workers/${worker.name}/builds?complete=true`,
    `/builds?buildrequestid=${doneRequestId}`,
  ]) {
    const { body } = await get(path);
    expect(
      body.builds?.map((build: { buildid: number }) => build.buildid),
      path,
    ).toEqual([doneId]);
  }
});

it("leads to one log on every way", async () => {
  const { builder, doneId, stepId, logId } = facts;
  for (const path of [
    `/logs/${logId}`,
    `/steps/${stepId}/logs`,
    `/steps/${stepId}/logs/stdio`,
    `/builds/${doneId}/steps/0/logs/stdio`,
    `/builds/${doneId}/steps/test/logs`,
    `/builders/${builder.id}/builds/1/steps/test/logs/stdio`,
  ]) {
    expect((await get(path)).body.logs[0].logid, path).toBe(logId);
  }
  expect((await get(`/builds/${doneId}/steps/test/logs/stdio/raw`)).status).toBe(200);
});

describe("queries", () => {
  const ids = async (query: string) =>
    ((await get(`/builds?${query}`)).body.builds as { buildid: number }[]).map((b) => b.buildid);

  it.each([
    ["complete=false", () => [facts.runningId]],
    ["complete=yes", () => [facts.doneId]],
    ["results=2", () => [facts.doneId]],
    ["results__ne=2", () => [facts.runningId]],
    ["number__gt=1", () => [facts.runningId]],
    ["number__le=1", () => [facts.doneId]],
    ["number=1&number=2&order=-number", () => [facts.runningId, facts.doneId]],
    ["state_string__contains=ex&order=number&limit=1", () => [facts.doneId]],
    ["order=number&offset=1", () => [facts.runningId]],
    ["started_at__lt=5", () => []],
    ["buildid=999999999999999", () => []],
  ])("%s", async (query, expected) => {
    expect(await ids(query)).toEqual(expected());
  });

  it("counts all when a page is not all", async () => {
    const { body } = await get("/builds?limit=1&field=buildid");
    expect(body).toEqual({ builds: [{ buildid: facts.doneId }], meta: { total: 2 } });
    expect((await get("/builds?limit=5&offset=7")).body.meta.total).toBe(2);
    expect((await get("/builds?limit=100000")).body.meta.total).toBe(2);
  });

  it("finds builders by tag", async () => {
    expect((await get("/builders?tags__contains=unit")).body.builders).toHaveLength(1);
    expect((await get("/builders?tags__contains=none")).body.builders).toHaveLength(0);
  });
});

describe("what is wrong is said", () => {
  it.each([
    ["/", 404],
    ["/nothing", 404],
    ["/steps", 404],
    ["/logs", 404],
    ["/builds/x", 404],
    ["/builds/0", 404],
    ["/builds/99999999999999999999", 404],
    ["/builds/424242", 404],
    ["/builders/none/builds", 404],
    ["/builders/none/builds/1", 404],
    ["/builders/1/steps", 404],
    ["/builds/1/steps/2/logs/3/contents/4", 404],
    ["/builders/%00", 404],
    ["/builders/a%27b", 404],
    ["/builds?nonsense=1", 400],
    ["/builds?field=password", 400],
    ["/builds?order=drop%20table", 400],
    ["/builds?limit=-1", 400],
    ["/builds?limit=1;select", 400],
    ["/builds?number=one", 400],
    ["/builds?number=1%00", 400],
    ["/builds?complete=maybe", 400],
    ["/builds?properties=1", 400],
    ["/builds?order=properties", 400],
    ["/builders?name=a%00b", 400],
    ["/builders?tags__lt=a", 400],
    ["/builders?builderid__contains=1", 400],
    ["/workers?property=os", 400],
  ])("%s gives %i", async (path, status) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({ error: expect.any(String) });
    expect(server.faults).toEqual([]);
  });
});
