// Guarantees: builds start, stop and wait as asked for over JSON-RPC, by whoever may and nobody
// else; what is malformed changes nothing and is answered as Buildbot answers (CORE §12, C-161, C-163).
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readConfig } from "../../../../server/config";
import type { OrgId } from "../../../../server/domain/ids";
import { CONFIG, history, type Installation, openInstallation } from "./support";

let server: Installation;
let orgId: OrgId;
let facts: Awaited<ReturnType<typeof history>>;
let key: string;
let reader: string;
const URL = "/main/api/v2";
const rpc = (path: string, method: string, params: unknown = {}, token = key) =>
  server.rpc(`${URL}${path}`, token, method, params);
const count = async (table: string) =>
  Number((await server.owner.rows<{ n: number }>(`select count(*) as n from ${table}`))[0]?.n);

beforeAll(async () => {
  server = await openInstallation();
  orgId = await server.organization("main", CONFIG("a"));
  facts = await history(server, orgId);
  key = await server.token(orgId, "read", "trigger", "workers", "config");
  reader = await server.token(orgId, "read");
});
beforeEach(() => {
  server.faults.length = 0;
});
afterAll(() => server.close());

describe("force", () => {
  it("takes the repository that the project watches, unless one is named", async () => {
    const watch = (name: string) =>
      server.owner.rows(
        `insert into change_source (org_id, project_id, name, kind, config)
         select org_id, project_id, $2, 'GitPoller', jsonb_build_object('repourl', $2::text)
         from builder where id = $1`,
        [facts.builder.id, name],
      );
    const repository = async (params: object) => {
      const { body } = await rpc("/builders/a-tests", "force", params);
      const set = await server.get(`${URL}/buildsets/${body.result.buildsetid}`, key);
      return set.body.buildsets[0].sourcestamps[0].repository;
    };
    expect(await repository({})).toBe("");
    await watch("https://git.example.org/one.git");
    expect(await repository({})).toBe("https://git.example.org/one.git");
    expect(await repository({ repository: "/named" })).toBe("/named");
    await watch("https://git.example.org/two.git");
    expect(await repository({})).toBe("");
    await server.owner.rows(
      "delete from change_source where name like 'https://git.example.org/%'",
    );
  });

  it("starts a build by name or id", async () => {
    const params = {
      branch: "main",
      revision: "abc123",
      properties: { deep: { a: [1, null, "x y"] } },
      priority: 3,
      reason: "because",
    };
    const { status, body } = await rpc("/builders/a-tests", "force", params);
    expect(status).toBe(200);
    const { buildsetid, buildrequestids } = body.result;
    expect(body).toEqual({ jsonrpc: "2.0", id: 1, result: { buildsetid, buildrequestids } });
    expect(Object.keys(buildrequestids)).toEqual([String(facts.builder.id)]);
    const request = await server.get(
      `${URL}/buildrequests/${Object.values(buildrequestids)[0]}?property=*`,
      key,
    );
    expect(request.body.buildrequests[0]).toMatchObject({
      buildsetid,
      priority: 3,
      complete: false,
    });
    expect(request.body.buildrequests[0].properties.deep[0]).toEqual({ a: [1, null, "x y"] });
    const set = await server.get(`${URL}/buildsets/${buildsetid}`, key);
    expect(set.body.buildsets[0]).toMatchObject({
      reason: "because",
      sourcestamps: [{ branch: "main", revision: "abc123" }],
    });
    expect((await rpc(`/builders/${facts.builder.id}`, "force")).status).toBe(200);
  });

  it("answers as a force scheduler does", async () => {
    const { status, body } = await rpc("/forceschedulers/force", "force", {
      builderid: facts.builder.id,
      username: "Bench <bench@local.host>",
      reason: "bench",
      flavour: "sweet",
    });
    expect(status).toBe(200);
    expect(body.result).toEqual([expect.any(Number), { [facts.builder.id]: expect.any(Number) }]);
    const set = await server.get(`${URL}/buildsets/${body.result[0]}`, key);
    expect(set.body.buildsets[0].reason).toBe(
      "A build was forced by 'Bench <bench@local.host>': bench",
    );
  });

  it("makes one buildset for one key", async () => {
    const params = { idempotency_key: "k-1" };
    const first = await rpc("/builders/a-tests", "force", params);
    const second = await rpc("/builders/a-tests", "force", params);
    expect(second.body.result).toEqual(first.body.result);
  });
});

describe("malformed calls", () => {
  const json = { "content-type": "application/json" };
  const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = json) =>
    server.post(`${URL}/builders/a-tests`, { authorization: `Bearer ${key}`, ...headers }, body);
  const call = (params: unknown) =>
    JSON.stringify({ jsonrpc: "2.0", id: 7, method: "force", params });

  it.each<[what: string, body: string | Uint8Array<ArrayBuffer>, code: number]>([
    ["not JSON", "{", -32700],
    ["nothing", "", -32700],
    ["bytes that are not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d]), -32602],
    ["a batch", "[]", -32600],
    ["text", '"force"', -32600],
    ["no version", JSON.stringify({ id: 1, method: "force" }), -32600],
    ["no method", JSON.stringify({ jsonrpc: "2.0", id: 1 }), -32600],
    ["positional parameters", call([1]), -32600],
    ["a branch like an option", call({ branch: "--upload-pack=x" }), -32602],
    ["a branch with a space", call({ branch: "a b" }), -32602],
    ["a branch with a semicolon", call({ branch: "a;b" }), -32602],
    ["a branch with a null byte", call({ branch: "a\0b" }), -32602],
    ["a revision with a quote", call({ revision: "a'b" }), -32602],
    ["a revision like an option", call({ revision: "-x" }), -32602],
    ["a repository with a newline", call({ repository: "a\nb" }), -32602],
    ["a number as branch", call({ branch: 5 }), -32602],
    ["a property name with a space", call({ properties: { "a b": 1 } }), -32602],
    ["a property with a null byte", call({ properties: { a: "x\0" } }), -32602],
    ["a null byte deep in a property", call({ properties: { a: [{ b: "\0" }] } }), -32602],
    ["a null byte in a property's key", call({ properties: { a: { "\0": 1 } } }), -32602],
    [
      "half a surrogate pair",
      '{"jsonrpc":"2.0","id":7,"method":"force","params":{"properties":{"a":"\\ud800"}}}',
      -32602,
    ],
    [
      "a property nested without end",
      call({ properties: { a: JSON.parse("[".repeat(90) + "]".repeat(90)) } }),
      -32602,
    ],
    ["a priority that is no number", call({ priority: "high" }), -32602],
    ["a priority beyond all", call({ priority: 1e300 }), -32602],
    ["a parameter nobody knows", call({ brnch: "x" }), -32602],
    ["a reason with a null byte", call({ reason: "\0" }), -32602],
    ["an empty key", call({ idempotency_key: "" }), -32602],
  ])("%s", async (_, body, code) => {
    const before = await count("buildset");
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({
      jsonrpc: "2.0",
      error: { code, message: expect.any(String) },
    });
    expect(await count("buildset")).toBe(before);
    expect(server.faults).toEqual([]);
  });

  it("of another content type are refused, and large ones", async () => {
    expect((await post(call({}), { "content-type": "text/plain" })).status).toBe(400);
    expect((await post(call({}), {})).status).toBe(400);
    expect((await post(" ".repeat(5_000_000))).status).toBe(413);
  });

  it("say which call they answer", async () => {
    expect((await post(call({ branch: "-x" }))).body.id).toBe(7);
    expect((await post(call([]))).body.id).toBe(7);
  });

  it.each([
    ["/builders/a-tests", "enforce", 501],
    ["/builders", "force", 501],
    ["/builds/1", "pause", 501],
    ["/buildsets/1", "cancel", 501],
    ["/nothing/1", "force", 404],
    ["/builders/none", "force", 404],
    ["/builders/%00", "force", 404],
    ["/builders/424242", "force", 404],
    ["/forceschedulers/none", "force", 404],
    ["/builds/424242", "stop", 404],
    ["/buildrequests/424242", "cancel", 404],
    ["/workers/none", "pause", 404],
    ["/workers/424242", "kill", 404],
    ["/workers/a-linux", "drain", 501],
    ["/workers/a-linux", "restart", 501],
  ])("%s %s gives %i", async (path, method, status) => {
    const answer = await rpc(path, method, {});
    expect(answer.status).toBe(status);
    expect(answer.body.error.code).toBe(status === 501 ? -32601 : -32600);
  });
});

describe("who may", () => {
  it.each([
    ["/builders/a-tests", "force"],
    ["/builds/1", "stop"],
    ["/builds/1", "rebuild"],
    ["/buildrequests/1", "cancel"],
    ["/workers/a-linux", "pause"],
  ])("a reading token does not %s %s", async (path, method) => {
    expect((await rpc(path, method, {}, reader)).status).toBe(403);
  });

  it("a token that is unknown, expired, revoked or foreign is all the same", async () => {
    const foreign = await server.token(
      await server.organization("other", "properties: {}"),
      "read",
    );
    const [expired, revoked] = [
      await server.token(orgId, "read"),
      await server.token(orgId, "read"),
    ];
    const ids = await server.owner.rows<{ id: number }>(
      "select id from api_token order by id desc limit 2",
    );
    await server.owner.rows("update api_token set revoked_at = now() where id = $1", [ids[0]?.id]);
    await server.owner.rows("update api_token set expires_at = now() where id = $1", [ids[1]?.id]);
    const unknown = `slw_${"A".repeat(43)}`;
    const answers = [];
    for (const token of [foreign, expired, revoked, unknown, "slw_", "x", key.slice(0, -1)]) {
      const { status, text } = await server.get(`${URL}/builds`, token);
      answers.push(`${status} ${text}`);
    }
    answers.push(
      ...(await Promise.all(
        ["none", "a b"].map(async (slug) => {
          const { status, text } = await server.get(
            `/${encodeURIComponent(slug)}/api/v2/builds`,
            key,
          );
          return `${status} ${text}`;
        }),
      )),
    );
    expect(new Set(answers)).toEqual(
      new Set(['401 {"error":"the token is unknown, expired or revoked"}']),
    );
  });

  it("nobody without a token, unless the organisation is public, and then only looks", async () => {
    expect((await server.get(`${URL}/builds`)).status).toBe(401);
    expect((await server.get("/none/api/v2/builds")).status).toBe(401);
    await server.organization("public", CONFIG("p"), true);
    expect((await server.get("/public/api/v2/builders")).body.builders).toHaveLength(1);
    expect((await server.get("/public/api/v2/config")).status).toBe(401);
    const force = await server.post(
      "/public/api/v2/builders/p-tests",
      { "content-type": "application/json", "sec-fetch-site": "same-origin" },
      JSON.stringify({ jsonrpc: "2.0", id: 1, method: "force" }),
    );
    expect(force.status).toBe(401);
  });

  it("remembers when a token was used, to the minute", async () => {
    const token = await server.token(orgId, "read");
    const used = async () =>
      (
        await server.owner.rows<{ at: Date | null }>(
          "select last_used_at as at from api_token order by id desc limit 1",
        )
      )[0]?.at;
    await server.get(`${URL}/builds`, token);
    await expect.poll(used).toBeInstanceOf(Date);
    const first = await used();
    await server.get(`${URL}/builds`, token);
    expect(await used()).toEqual(first);
  });
});

describe("steering", () => {
  it("a worker", async () => {
    const shown = async () => (await server.get(`${URL}/workers/a-linux`, key)).body.workers[0];
    expect((await rpc("/workers/a-linux", "pause", { reason: "disk" })).body.result).toBeNull();
    expect(await shown()).toMatchObject({ paused: true, pause_reason: "disk" });
    await rpc("/workers/a-linux", "pause", {});
    expect(await shown()).toMatchObject({ pause_reason: "no reason" });
    expect((await rpc("/workers/a-linux", "pause", { reason: 7 })).status).toBe(400);
    await server.owner.rows(
      `update worker set quarantined_until = to_timestamp(4000000000), quarantine_seconds = 20,
         quarantine_count = 2, quarantine_reason = 'why' where id = $1`,
      [facts.worker.id],
    );
    expect(await shown()).toMatchObject({
      quarantine: { until: 4_000_000_000, timeout: 20, reason: "why" },
    });
    await rpc(`/workers/${facts.worker.id}`, "unpause", {});
    expect(await shown()).toMatchObject({
      quarantine: { until: null, timeout: 40, reason: null },
    });
    expect(await shown()).toMatchObject({ paused: false, pause_reason: null });
    await rpc("/workers/a-linux", "stop", {});
    expect(await shown()).toMatchObject({ graceful: true });
    expect((await rpc("/workers/a-linux", "kill", {})).status).toBe(200);
  });

  it("a request", async () => {
    const made = (await rpc("/builders/a-tests", "force")).body.result;
    const id = made.buildrequestids[facts.builder.id];
    const shown = async () =>
      (await server.get(`${URL}/buildrequests/${id}`, key)).body.buildrequests[0];
    await rpc(`/buildrequests/${id}`, "set_priority", { priority: 9 });
    expect(await shown()).toMatchObject({ priority: 9, complete: false });
    expect((await rpc(`/buildrequests/${id}`, "cancel", { reason: "no" })).status).toBe(200);
    expect(await shown()).toMatchObject({ complete: true, results: 6, claimed: false });
    expect((await rpc(`/buildrequests/${id}`, "cancel", {})).status).toBe(409);
  });

  it("a build", async () => {
    expect(
      (await rpc(`/builds/${facts.runningId}`, "stop", { reason: "r", results: 6 })).status,
    ).toBe(200);
    expect((await rpc(`/builds/${facts.runningId}`, "stop", { results: 9 })).status).toBe(400);
    expect((await rpc(`/builds/${facts.doneId}`, "stop", {})).status).toBe(409);
    const [buildsetId] = (await rpc(`/builds/${facts.doneId}`, "rebuild", {})).body.result;
    const set = await server.get(`${URL}/buildsets/${buildsetId}`, key);
    expect(set.body.buildsets[0]).toMatchObject({
      rebuilt_buildid: facts.doneId,
      reason: "rebuild",
    });
  });
});

describe("configuration", () => {
  const post = (body: object, token = key) =>
    server.post(
      `${URL}/config`,
      { authorization: `Bearer ${token}`, "content-type": "application/json" },
      JSON.stringify(body),
    );

  it("is exported, refused when stale, and applied", async () => {
    const exported = (await server.get(`${URL}/config`, key)).text;
    expect(exported).not.toContain("linuxpassword");
    expect((await post({ text: exported })).body).toMatchObject({
      added: [],
      changed: [],
      removed: [],
    });
    const changed = exported.replace("A project", "Another");
    expect((await post({ text: changed })).body.changed).toEqual(["project a-project"]);
    expect(server.changedOrgs).toContain(orgId);
    const late = await post({ text: exported.replace("A project", "A third") });
    expect(late.status).toBe(409);
    expect((await post({ text: exported, force: true })).status).toBe(200);
    const { documents } = await server.db.within({ orgId }, (tx) => readConfig(tx, orgId));
    expect(documents.projects["a-project"]?.description).toBe("A project");
  });

  it("with mistakes changes nothing and says where they are", async () => {
    const { status, body } = await post({ text: "wrokers: []" });
    expect(status).toBe(422);
    expect(body.errors).toEqual([
      { path: "wrokers", line: 1, column: 1, message: expect.stringContaining("workers") },
    ]);
    expect((await post({ text: 5 })).status).toBe(400);
    expect((await post({ text: "properties: {}" }, reader)).status).toBe(403);
  });
});

describe("schedulers and change sources", () => {
  beforeAll(async () => {
    for (const table of ["scheduler", "change_source"]) {
      await server.owner.rows(`update ${table} set removed_at = null`);
    }
  });
  const scheduler = async () =>
    (await server.get(`${URL}/schedulers/${facts.schedulerId}`, key)).body.schedulers[0];
  it("are enabled, and polled, by whoever may", async () => {
    expect(await scheduler()).toMatchObject({ name: "a-all", enabled: true });
    const path = `/schedulers/${facts.schedulerId}`;
    expect((await rpc(path, "enable", { enabled: false })).body.result).toBeNull();
    expect(await scheduler()).toMatchObject({ enabled: false });
    expect((await rpc(path, "enable", { enabled: false })).status).toBe(200);
    expect((await rpc(path, "enable", {})).status).toBe(400);
    expect((await rpc(path, "enable", { enabled: true }, reader)).status).toBe(403);
    expect((await rpc(path, "disable")).status).toBe(501);
    const audits = await server.owner.rows(
      "select actor, subject, detail from audit_entry where action = 'scheduler.enable'",
    );
    expect(audits).toEqual([
      { actor: expect.any(String), subject: "scheduler a-all", detail: { enabled: false } },
    ]);

    const source = `/changesources/${facts.sourceId}`;
    expect((await rpc(source, "poll", {}, reader)).status).toBe(403);
    expect((await rpc(source, "poll")).body.result).toBeNull();
    const due = await server.owner.rows(
      "select id from change_source where fire_at <= now() order by id",
    );
    expect(due).toEqual([{ id: facts.sourceId }]);
  });
});
