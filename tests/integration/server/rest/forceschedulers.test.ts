/**
 * Programs written for Buildbot start builds through force schedulers: they read the form, fill it
 * in, and get the ids or what is wrong with each field; nobody starts what he may not (CORE §8.1,
 * C-163, C-164).
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgId } from "../../../../server/domain/ids";
import { type Installation, openInstallation } from "./support";

const CONFIG = (prefix: string) => `
validation: {branch: "^(main|release-[0-9]+)$"}
workers:
  - {type: Worker, name: ${prefix}-linux, password: linuxpassword}
  - {type: Worker, name: ${prefix}-bsd, password: bsdpassword}
projects:
  ${prefix}-project:
    builders:
      - {name: ${prefix}-tests, workernames: [${prefix}-linux, ${prefix}-bsd], canStartBuild: enforceChosenWorker, factory: []}
      - {name: ${prefix}-docs, workernames: [${prefix}-linux], canStartBuild: enforceChosenWorker, factory: []}
      - {name: ${prefix}-alone, workernames: [${prefix}-linux], factory: []}
    schedulers:
      - {type: ForceScheduler, name: ${prefix}-plain, builderNames: [${prefix}-alone]}
      - type: ForceScheduler
        name: ${prefix}-deploy
        label: Deploy
        buttonName: Deploy it
        builderNames: [${prefix}-tests, ${prefix}-docs]
        reason: {type: ChoiceStringParameter, choices: [release, hotfix]}
        codebases:
          - {type: CodebaseParameter, codebase: "", repository: "https://example.org/x", patch: {type: PatchParameter}}
        properties:
          - {type: WorkerChoiceParameter}
          - type: NestedParameter
            name: target
            fields:
              - {type: StringParameter, name: host, required: true, regex: "^[a-z.]+$"}
              - {type: IntParameter, name: copies, default: 1}
          - {type: FileParameter, name: notes, maxsize: 6000000}
`;

let server: Installation;
let orgId: OrgId;
let key: string;
let foreign: string;
const URL = "/main/api/v2";
const force = (name: string, params: object, token = key) =>
  server.rpc(`${URL}/forceschedulers/${name}`, token, "force", params);
const idOf = async (name: string) =>
  (await server.owner.rows<{ id: number }>("select id from builder where name = $1", [name]))[0]
    ?.id;
const buildsets = async () =>
  (await server.owner.rows<{ n: number }>("select count(*)::int as n from buildset"))[0]?.n;

beforeAll(async () => {
  server = await openInstallation();
  orgId = await server.organization("main", CONFIG("a"));
  key = await server.token(orgId, "read", "trigger");
  const other = await server.organization("other", CONFIG("z").replace(/^validation.*$/m, ""));
  foreign = await server.token(other, "read", "trigger");
});
afterAll(() => server.close());

describe("reading", () => {
  it("lists them by name, with the fields of their forms", async () => {
    const { status, body } = await server.get(`${URL}/forceschedulers`, key);
    expect(status).toBe(200);
    expect(body.meta).toEqual({ total: 2 });
    expect(body.forceschedulers.map((one: { name: string }) => one.name)).toEqual([
      "a-deploy",
      "a-plain",
    ]);
    expect(Object.keys(body.forceschedulers[0]).sort()).toEqual([
      ...["all_fields", "builder_names", "button_name", "enabled", "label", "name"],
    ]);
    expect(body.forceschedulers[0]).toMatchObject({
      label: "Deploy",
      button_name: "Deploy it",
      builder_names: ["a-tests", "a-docs"],
      enabled: true,
    });
  });

  it("one, by name, and those of a builder, with its own workers", async () => {
    const { body } = await server.get(`${URL}/forceschedulers/a-plain`, key);
    const [{ all_fields: fields }] = body.forceschedulers;
    // As Buildbot 3.7 answers, but for `priority`, which newer ones have, and `tooltip`.
    expect(fields[0]).toMatchObject({ name: "", fullName: null, type: "nested", columns: 1 });
    expect(fields[0].fields.map((one: { fullName: string }) => one.fullName)).toEqual([
      ...["username", "reason", "priority"],
    ]);
    expect(fields[1].fields[0]).toMatchObject({
      ...{ name: "branch", fullName: "branch", label: "Branch:", tablabel: "Branch:" },
      ...{ type: "text", default: "", required: false, multiple: false, regex: null },
      ...{ hide: false, maxsize: null, autopopulate: null, size: 10 },
    });
    const workers = async (builder: string | number | undefined) => {
      const answer = await server.get(`${URL}/builders/${builder}/forceschedulers`, key);
      expect(answer.body.meta.total).toBe(1);
      const { all_fields } = answer.body.forceschedulers[0];
      return all_fields.find((one: { name: string }) => one.name === "workername")?.choices;
    };
    expect(await workers("a-tests")).toEqual(["-any-", "a-bsd", "a-linux"]);
    expect(await workers(await idOf("a-docs"))).toEqual(["-any-", "a-linux"]);
    expect(await workers("a-alone")).toBeUndefined();
  });

  it("filters, orders, pages and projects as other resources do", async () => {
    const of = async (query: string) =>
      (await server.get(`${URL}/forceschedulers?${query}`, key)).body;
    expect(await of("field=name&order=-name&limit=1")).toEqual({
      forceschedulers: [{ name: "a-plain" }],
      meta: { total: 2 },
    });
    expect((await of("label__contains=Dep&field=name")).meta.total).toBe(1);
    expect((await of("nothing=1")).error).toContain("nothing");
  });

  it("shows nobody another organisation's", async () => {
    expect((await server.get(`${URL}/forceschedulers`, foreign)).status).toBe(401);
    expect((await server.get("/other/api/v2/forceschedulers/a-plain", foreign)).status).toBe(404);
    expect(
      (await server.get("/other/api/v2/builders/a-tests/forceschedulers", foreign)).status,
    ).toBe(404);
    const own = await server.get("/other/api/v2/forceschedulers?field=name", foreign);
    expect(own.body.forceschedulers).toEqual([{ name: "z-deploy" }, { name: "z-plain" }]);
  });
});

describe("starting", () => {
  it("makes one buildset of what was filled in", async () => {
    const builderid = await idOf("a-tests");
    const sent = {
      builderid,
      owner: "somebody else",
      username: "Eve <eve@example.org>",
      reason: "hotfix",
      priority: "4",
      branch: "release-7",
      patch_body: "--- a\n+++ b\n",
      target_host: "db.example.org",
      target_copies: 2,
      workername: "a-bsd",
      notes: "line\n".repeat(1_000_000),
    };
    const { status, body } = await force("a-deploy", sent);
    expect(body.error).toBeUndefined();
    expect(status).toBe(200);
    const [buildsetId, requests] = body.result;
    expect(requests).toEqual({ [String(builderid)]: expect.any(Number) });
    const set = (await server.get(`${URL}/buildsets/${buildsetId}`, key)).body.buildsets[0];
    expect(set).toMatchObject({
      reason: "A build was forced by 'token ci': hotfix",
      sourcestamps: [
        {
          branch: "release-7",
          repository: "https://example.org/x",
          patch: { level: 1, body: "--- a\n+++ b\n", author: "", comment: "", subdir: "." },
        },
      ],
    });
    const { properties } = (await server.get(`${URL}/buildsets/${buildsetId}/properties`, key))
      .body;
    const form = "Force Build Form";
    expect(properties[0]).toMatchObject({
      owner: ["token ci", form],
      reason: ["hotfix", form],
      workername: ["a-bsd", form],
      target: [{ host: "db.example.org", copies: 2 }, form],
    });
    expect(properties[0].notes[0]).toHaveLength(5_000_000);
    const [row] = await server.owner.rows<{ scheduler: string; priority: number; owner: string }>(
      "select s.scheduler, s.owner, r.priority from buildset s join build_request r on r.buildset_id = s.id where s.id = $1",
      [buildsetId],
    );
    expect(row).toEqual({ scheduler: "a-deploy", owner: "token ci", priority: 4 });
  });

  it("starts all its builders when none is named, or those that are", async () => {
    const all = await force("a-deploy", { target_host: "h" });
    expect(Object.keys(all.body.result[1])).toHaveLength(2);
    const named = await force("a-deploy", { target_host: "h", builderNames: ["a-docs"] });
    expect(Object.keys(named.body.result[1])).toEqual([String(await idOf("a-docs"))]);
    const key1 = { target_host: "h", builderid: "a-docs", idempotency_key: "once" };
    expect((await force("a-deploy", key1)).body.result).toEqual(
      (await force("a-deploy", key1)).body.result,
    );
  });

  it.each([
    [{}, { target_host: "is required" }],
    [
      { target_host: "UPPER", target_copies: "many", reason: "boredom", priority: 1e9 },
      {
        target_host: "must match ^[a-z.]+$",
        target_copies: "must be a whole number",
        reason: '"boredom" is none of the choices',
        priority: "is beyond 1000000",
      },
    ],
    [
      { target_host: "h", branch: "dev", tagret: "x" },
      {
        branch: "is not a branch name: it must match ^(main|release-[0-9]+)$",
        tagret: "is no field of this form",
      },
    ],
    // It serves one of the two builders that would be started.
    [
      { target_host: "h", workername: "a-bsd" },
      { workername: '"a-bsd" is no worker of this builder' },
    ],
    [
      { target_host: "h", builderid: "a-alone" },
      { builderid: '"a-alone" is no builder that this scheduler starts' },
    ],
    [{ target_host: "h", builderNames: [5] }, { builderNames: "is not understood" }],
    [
      { target_host: "h", notes: "x".repeat(6_000_001) },
      { notes: "has 6000001 bytes; at most 6000000" },
    ],
  ])("what is wrong is said at its field, and nothing starts: %#", async (sent, expected) => {
    const before = await buildsets();
    const { status, body } = await force("a-deploy", sent);
    expect(status).toBe(400);
    expect(body).toEqual({ jsonrpc: "2.0", id: 1, error: { code: -32602, message: expected } });
    expect(await buildsets()).toBe(before);
  });

  it("of a scheduler that is disabled, unknown or foreign is refused", async () => {
    await server.owner.rows("update scheduler set is_enabled = false where name = 'a-plain'");
    expect((await force("a-plain", {})).status).toBe(409);
    expect(
      (await server.get(`${URL}/forceschedulers/a-plain`, key)).body.forceschedulers[0].enabled,
    ).toBe(false);
    await server.owner.rows("update scheduler set is_enabled = true");
    expect((await force("z-plain", {})).status).toBe(404);
    expect((await force("a-plain", {}, foreign)).status).toBe(401);
    expect((await server.rpc(`${URL}/forceschedulers/a-plain`, key, "toggle")).status).toBe(501);
  });

  it("of more than a form may hold is refused before it is read", async () => {
    const { status } = await force("a-plain", { reason: "x".repeat(17_000_000) });
    expect(status).toBe(413);
  });

  it("the organisation's patterns hold without a scheduler, too", async () => {
    const start = (params: object) => server.rpc(`${URL}/builders/a-alone`, key, "force", params);
    expect((await start({ branch: "main" })).status).toBe(200);
    const { status, body } = await start({ branch: "dev" });
    expect(status).toBe(400);
    expect(body.error.message).toContain("branch: is not a branch name");
  });
});

describe("a token for some builders", () => {
  it("starts, stops and rebuilds theirs alone", async () => {
    const docs = await server.token(orgId, "trigger:*-docs", "read");
    const started = await force("a-deploy", { target_host: "h", builderid: "a-docs" }, docs);
    expect(started.status).toBe(200);
    const both = await force("a-deploy", { target_host: "h" }, docs);
    expect(both.status).toBe(403);
    expect(both.body.error.message).toContain("for builder a-tests");
    expect((await server.rpc(`${URL}/builders/a-alone`, docs, "force")).status).toBe(403);
    expect((await server.rpc(`${URL}/builders/a-docs`, docs, "force")).status).toBe(200);
    const cancel = (request: unknown) =>
      server.rpc(`${URL}/buildrequests/${request}`, docs, "cancel");
    expect((await cancel(Object.values(started.body.result[1])[0])).status).toBe(200);
    const alone = await server.rpc(`${URL}/builders/a-alone`, key, "force");
    expect((await cancel(Object.values(alone.body.result.buildrequestids)[0])).status).toBe(403);
  });

  it("that only reads starts nothing", async () => {
    const reader = await server.token(orgId, "read");
    expect((await force("a-plain", {}, reader)).status).toBe(403);
  });
});
