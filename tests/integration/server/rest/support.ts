/** A small installation over a real database: two organisations, real commands, the API in between. */

import { createToken, type TokenScope } from "../../../../server/auth";
import { applyConfig, checkConfig } from "../../../../server/config";
import { orgDatabase } from "../../../../server/db/org-database";
import { openDatabase } from "../../../../server/db/pool";
import type { OrgId } from "../../../../server/domain/ids";
import { createEngineCommands } from "../../../../server/engine";
import { createFleetCommands } from "../../../../server/fleet";
import { createRest, METHODS } from "../../../../server/rest";
import { sealingKey } from "../../../../server/secrets/seal";
import { createTestDatabase } from "../../../support/database";

export const SECRET_KEY = "a key for tests that is long enough to be one";
export const KEY = sealingKey(SECRET_KEY);

export async function openInstallation() {
  const scratch = await createTestDatabase();
  const faults: unknown[] = [];
  const onError = (error: unknown) => faults.push(error);
  const owner = openDatabase({ url: scratch.url, max: 4, name: "test", onError });
  const web = openDatabase({
    url: scratch.url,
    max: 8,
    name: "test-web",
    role: "slipway_web",
    onError,
  });
  const db = orgDatabase(web);
  const context = {
    db,
    wake: () => {},
    announce: () => {},
    tell: () => {},
    machinesAsked: () => {},
  };
  const changedOrgs: number[] = [];
  const env = {
    secretKey: SECRET_KEY,
    isHosted: false,
    workers: {
      bind: "127.0.0.1",
      advertise: "ci.example.org",
      pbPort: 9989,
      msgpackPort: null,
      drainSeconds: 0,
      tls: null,
    },
    web: { publicUrl: "http://localhost:8010", trustedProxies: [] },
  };
  const rest = createRest({
    env,
    db,
    commands: createEngineCommands(context),
    fleet: createFleetCommands(context),
    configChanged: (orgId) => changedOrgs.push(orgId),
    onFault: (error) => faults.push(error),
    now: Date.now,
  });

  async function organization(slug: string, config: string, isPublic = false): Promise<OrgId> {
    const [row] = await owner.rows<{ id: OrgId }>(
      "insert into organization (slug, name, is_public) values ($1, $1, $2) returning id",
      [slug, isPublic],
    );
    const { documents, errors } = checkConfig(config);
    if (!row || !documents) throw new Error(JSON.stringify(errors));
    await db.within({ orgId: row.id }, (tx) =>
      applyConfig(tx, row.id, documents, { author: "test", sealingKey: KEY }),
    );
    return row.id;
  }

  function token(orgId: OrgId, ...scopes: TokenScope[]): Promise<string> {
    return db.within({ orgId }, (tx) =>
      createToken(tx, orgId, { name: "ci", scopes, expiresAt: null, createdBy: "test" }),
    );
  }

  async function call(method: keyof typeof METHODS, url: string, init: RequestInit = {}) {
    const request = new Request(`http://localhost:8010${url}`, {
      ...init,
      method,
      duplex: "half",
    } as RequestInit);
    const [, slug = "", , , ...path] = new URL(request.url).pathname.split("/");
    const segments = path.map(decodeURIComponent);
    const response = await rest[METHODS[method]](request, slug, segments);
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json");
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson ? JSON.parse(text) : null,
    };
  }

  const bearer = (value: string) => ({ authorization: `Bearer ${value}` });
  return {
    owner,
    db,
    env,
    rest,
    faults,
    changedOrgs,
    organization,
    token,
    call,
    get: (url: string, key?: string) => call("GET", url, { headers: key ? bearer(key) : {} }),
    rpc: (url: string, key: string, method: string, params: unknown = {}) =>
      call("POST", url, {
        headers: { ...bearer(key), "content-type": "application/json" },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      }),
    post: (url: string, headers: Record<string, string>, body: string | Uint8Array<ArrayBuffer>) =>
      call("POST", url, { headers, body }),
    async close() {
      await Promise.all([owner.end(), web.end()]);
      await scratch.drop();
    },
  };
}

export type Installation = Awaited<ReturnType<typeof openInstallation>>;

export const CONFIG = (prefix: string) => `
workers:
  - {type: Worker, name: ${prefix}-linux, password: linuxpassword, max_builds: 2, properties: {os: linux}}
  - {type: LocalWorker, name: ${prefix}-local}
projects:
  ${prefix}-project:
    description: A project
    builders:
      - name: ${prefix}-tests
        workernames: [${prefix}-linux, ${prefix}-local]
        tags: [unit, ${prefix}]
        factory: [{type: ShellCommand, name: test, command: [make, test]}]
`;

/** One finished and one running build of the organisation's builder, with steps and a log. */
export async function history(installation: Installation, orgId: OrgId) {
  const { owner } = installation;
  const one = async (text: string, values: unknown[]) =>
    ((await owner.rows<{ id: number }>(text, values))[0] as { id: number }).id;
  const masterId = await one(
    `insert into process (kind, host, pid, lease_expires_at) values ('socket', 'h', 1, now() + interval '1 hour') returning id`,
    [],
  );
  const [builder] = await owner.rows<{ id: number; name: string; current_config_id: number }>(
    "select id, name, current_config_id from builder where org_id = $1",
    [orgId],
  );
  const [worker] = await owner.rows<{ id: number; name: string }>(
    "select id, name from worker where org_id = $1 order by id",
    [orgId],
  );
  if (!builder || !worker) throw new Error("no builder");
  const sessionId = await one(
    `insert into worker_session (org_id, worker_id, process_id, protocol, peer) values ($1, $2, $3, 'pb', '127.0.0.1:1') returning id`,
    [orgId, worker.id, masterId],
  );
  await owner.rows(
    `update worker set session_id = $2, facts = '{"version": "3.7.0", "info": {"admin": "ops", "host": "box"}}' where id = $1`,
    [worker.id, sessionId],
  );
  const buildsetId = await one(
    `insert into buildset (org_id, reason, owner, scheduler, properties, open_requests)
     values ($1, 'why', 'ada@example.org', 'force', '{"owner": ["ada@example.org", "Force"], "x": [1, "s"]}', 2) returning id`,
    [orgId],
  );
  const stampId = await one(
    `insert into source_stamp (org_id, hash, codebase, repository, branch, project) values ($1, $2, '', 'r', 'main', '') returning id`,
    [orgId, Buffer.from(`stamp ${orgId}`)],
  );
  await owner.rows("insert into buildset_source_stamp values ($1, $2, $3)", [
    orgId,
    buildsetId,
    stampId,
  ]);
  const prefix = builder.name.slice(0, 1);
  const changeId = await one(
    `insert into change (org_id, source_stamp_id, author, committer, comments, files, file_count, revision, branch,
       repository, project, codebase, properties, when_at)
     values ($1, $2, $3, 'bob', 'better', '{a.c,"b c"}', 2, 'abc', 'main', 'r', '', '', '{"event": "push"}',
       to_timestamp(1700000000)) returning id`,
    [orgId, stampId, `${prefix}-ada`],
  );
  await owner.rows(
    "insert into buildset_change (org_id, buildset_id, change_id) values ($1, $2, $3)",
    [orgId, buildsetId, changeId],
  );
  // No document holds them: an activation would take them away.
  const schedulerId = await one(
    `insert into scheduler (org_id, name, kind, config, removed_at)
     values ($1, $2, 'SingleBranchScheduler', '{"builderNames": []}', now()) returning id`,
    [orgId, `${prefix}-all`],
  );
  const sourceId = await one(
    `insert into change_source (org_id, name, kind, config, removed_at)
     values ($1, $2, 'GitPoller', '{"repourl": "/r"}', now()) returning id`,
    [orgId, `${prefix}-source`],
  );
  const request = (state: string, result: number | null) =>
    one(
      `insert into build_request (org_id, buildset_id, builder_id, state, result, claimed_at, complete_at)
       values ($1, $2, $3, $4, $5::int, now(), case when $5::int is null then null else now() end) returning id`,
      [orgId, buildsetId, builder.id, state, result],
    );
  const build = async (requestId: number, number: number, state: string, result: number | null) =>
    one(
      `insert into build (org_id, builder_id, number, build_request_id, worker_id, worker_slot, builder_config_id,
         owner_id, state, result, state_string, properties, started_at, complete_at)
       values ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9::int, 'text', '{"a": ["b", "c"], "d": [5, "e"]}', now(),
         case when $9::int is null then null else now() end) returning id`,
      [
        orgId,
        builder.id,
        number,
        requestId,
        worker.id,
        builder.current_config_id,
        masterId,
        state,
        result,
      ],
    );
  const doneRequestId = await request("done", 2);
  const doneId = await build(doneRequestId, 1, "finished", 2);
  const runningRequestId = await request("claimed", null);
  const runningId = await build(runningRequestId, 2, "running", null);
  const stepId = await one(
    `insert into step (org_id, build_id, number, name, state, result, state_string, urls, started_at)
     values ($1, $2, 0, 'test', 'finished', 2, 'failed', '[{"name": "n", "url": "http://u"}]', now()) returning id`,
    [orgId, doneId],
  );
  const logId = await one(
    `insert into log (org_id, build_id, step_id, name, slug, type, state, line_count)
     values ($1, $2, $3, 'stdio', 'stdio', 's', 'finished', 3) returning id`,
    [orgId, doneId, stepId],
  );
  await owner.rows(
    `insert into log_chunk (log_id, first_line, log_created_at, org_id, line_count, byte_count, method, data)
     select id, 0, created_at, org_id, 3, 20, 0, $2 from log where id = $1`,
    [logId, Buffer.from('hmake\no"one"\ne\u00fc\n')],
  );
  return {
    masterId,
    builder,
    worker,
    buildsetId,
    stampId,
    changeId,
    schedulerId,
    sourceId,
    doneRequestId,
    doneId,
    runningRequestId,
    runningId,
    stepId,
    logId,
  };
}
