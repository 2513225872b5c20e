// Guarantees: activation writes what changed and nothing else, in one piece; versions count only
// changes; passwords lie in the secret store before anything is; login names follow A-02 (C-001, C-003).
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  applyConfig,
  ConfigInvalid,
  checkConfig,
  exportConfig,
  readConfig,
  revisionOf,
} from "../../../../server/config";
import type { OrgId } from "../../../../server/domain/ids";
import { findCredentials } from "../../../../server/fleet/sessions/session-store";
import { seal, unseal } from "../../../../server/secrets/seal";
import { setSecret } from "../../../../server/secrets/store";
import { CONFIG, type Installation, KEY, openInstallation } from "../rest/support";

let server: Installation;
const passwordOf = async (name: string) => (await findCredentials(server.owner, [name]))[0];
beforeAll(async () => {
  server = await openInstallation();
});
afterAll(() => server.close());

function documents(text: string) {
  const checked = checkConfig(text);
  if (!checked.documents) throw new Error(JSON.stringify(checked.errors));
  return checked.documents;
}

const apply = (orgId: OrgId, text: string, options: object = {}) =>
  server.db.within({ orgId }, (tx) =>
    applyConfig(tx, orgId, documents(text), { author: "ada", sealingKey: KEY, ...options }),
  );
const one = async (sql: string, ...values: unknown[]) =>
  (await server.owner.rows<Record<string, unknown>>(sql, values))[0];
const clear = async (orgId: OrgId, name: string) => {
  const row = await one("select sealed from secret where org_id = $1 and name = $2", orgId, name);
  return row ? unseal(KEY, row.sealed as Buffer) : null;
};
const versions = async (orgId: OrgId) =>
  server.owner.rows("select project_id, number from config_version where org_id = $1 order by id", [
    orgId,
  ]);

describe("the first activation", () => {
  it("makes rows, seals passwords, tells the engine", async () => {
    const orgId = await server.organization("first", CONFIG("f"));
    const worker = await one("select * from worker where org_id = $1 and name = 'f-linux'", orgId);
    expect(worker).toMatchObject({
      login_name: "f-linux",
      kind: "Worker",
      max_builds: 2,
      config: { max_builds: 2, properties: { os: "linux" } },
    });
    expect(worker).toMatchObject({
      password_secret: "worker/f-linux/password",
      sealed_password: null,
    });
    expect(await clear(orgId, "worker/f-linux/password")).toBe("linuxpassword");
    const local = await one("select * from worker where org_id = $1 and name = 'f-local'", orgId);
    expect(unseal(KEY, local?.sealed_password as Buffer)).toMatch(/^[\w-]{43}$/);
    const builder = await one(
      "select b.*, c.config from builder b join builder_config c on c.id = b.current_config_id where b.org_id = $1",
      orgId,
    );
    expect(builder).toMatchObject({
      name: "f-tests",
      builddir: "f-tests",
      tags: ["unit", "f"],
      config: {
        name: "f-tests",
        workernames: ["f-linux", "f-local"],
        steps: [{ type: "ShellCommand", name: "test", command: ["make", "test"] }],
      },
    });
    expect(await one("select count(*) as n from builder_worker where org_id = $1", orgId)).toEqual({
      n: 2,
    });
    expect(await one("select topic, body from outbox where org_id = $1", orgId)).toMatchObject({
      topic: "config/activated",
      body: { added: expect.arrayContaining(["builder f-tests", "worker f-linux"]) },
    });
    expect(await one("select actor from audit_entry where org_id = $1", orgId)).toEqual({
      actor: "test",
    });
    const stored = JSON.stringify(
      await server.owner.rows("select to_jsonb(v) as v from config_version v where org_id = $1", [
        orgId,
      ]),
    );
    expect(stored).not.toContain("linuxpassword");
  });
});

describe("a further activation", () => {
  it("of the same changes nothing", async () => {
    const orgId = await server.organization("same", CONFIG("s"));
    const before = await versions(orgId);
    const rows = () =>
      server.owner.rows(
        "select xmin::text from worker where org_id = $1 union all select xmin::text from builder where org_id = $1",
        [orgId],
      );
    const xmins = await rows();
    expect(await apply(orgId, CONFIG("s"))).toMatchObject({ added: [], changed: [], removed: [] });
    expect(await versions(orgId)).toEqual(before);
    expect(await rows()).toEqual(xmins);
  });

  it("keeps the configuration that builds began with", async () => {
    const orgId = await server.organization("keeps", CONFIG("k"));
    const current = () =>
      one("select current_config_id as id from builder where org_id = $1", orgId);
    const first = await current();
    const changed = CONFIG("k").replace("[make, test]", "[make, check]");
    expect(await apply(orgId, changed)).toMatchObject({ changed: ["builder k-tests"] });
    expect(await current()).not.toEqual(first);
    await apply(orgId, CONFIG("k"));
    expect(await current()).toEqual(first);
    expect(await versions(orgId)).toHaveLength(4);
  });

  it("touches only what the file holds, and removes what is gone", async () => {
    const orgId = await server.organization("parts", CONFIG("p"));
    await apply(
      orgId,
      "projects: {second: {builders: [{name: two, workername: p-local, factory: []}]}}",
    );
    expect(
      await one(
        "select count(*) as n from builder where org_id = $1 and removed_at is null",
        orgId,
      ),
    ).toEqual({ n: 2 });
    const pruned = await apply(orgId, "projects: {second: {description: d}}", { prune: true });
    expect(pruned.removed.sort()).toEqual(["builder p-tests", "builder two", "project p-project"]);
    expect(await one("select count(*) as n from builder_worker where org_id = $1", orgId)).toEqual({
      n: 0,
    });
    const back = await apply(orgId, CONFIG("p"));
    expect(back.added).toEqual(expect.arrayContaining(["project p-project", "builder p-tests"]));
    expect(
      await one("select count(*) as n from builder where org_id = $1 and name = 'p-tests'", orgId),
    ).toEqual({ n: 1 });
  });

  it("that would leave a builder without its worker is refused whole", async () => {
    const orgId = await server.organization("whole", CONFIG("w"));
    const error = await apply(orgId, "workers: [{type: LocalWorker, name: new}]").catch((e) => e);
    expect(error).toBeInstanceOf(ConfigInvalid);
    expect(error.message).toMatch(
      /there is no worker "w-linux" \(in project w-project, which stays as it is\)/,
    );
    expect(await one("select count(*) as n from worker where org_id = $1", orgId)).toEqual({
      n: 2,
    });
    const twice = await apply(
      orgId,
      "projects: {x: {builders: [{name: w-tests, workername: w-local, factory: []}]}}",
    ).catch((e) => e);
    expect(twice.message).toMatch(/another builder "w-tests"/);
  });

  it("from an older revision is refused, unless forced", async () => {
    const orgId = await server.organization("stale", CONFIG("t"));
    const { revision } = await server.db.within({ orgId }, (tx) => readConfig(tx, orgId));
    await apply(orgId, CONFIG("t").replace("A project", "B"), { base: revision });
    const late = apply(orgId, CONFIG("t").replace("A project", "C"), { base: revision });
    await expect(late).rejects.toMatchObject({ code: "config.stale" });
    const other = apply(orgId, "projects: {elsewhere: {}}", { base: revision });
    await expect(other).resolves.toMatchObject({ added: ["project elsewhere"] });
    await apply(orgId, CONFIG("t").replace("A project", "C"), { base: revision, force: true });
  });

  it("of two at once counts versions without a gap", async () => {
    const orgId = await server.organization("twice", CONFIG("u"));
    await Promise.all(
      [1, 2, 3, 4].map((n) => apply(orgId, `projects: {u-project: {description: "${n}"}}`)),
    );
    const rows = await server.owner.rows<{ number: number }>(
      "select number from config_version where org_id = $1 and project_id is not null order by id",
      [orgId],
    );
    expect(rows.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("passwords", () => {
  it("live on through an export, change when written, and are asked for when unknown", async () => {
    const orgId = await server.organization("secret", CONFIG("x"));
    const password = () => clear(orgId, "worker/x-linux/password");
    const exported = await server.db.within({ orgId }, (tx) => exportConfig(tx, orgId));
    expect(exported).toContain('password: "%(secret:worker/x-linux/password)s"');
    expect(revisionOf(exported)).toBeGreaterThan(0);
    expect(await apply(orgId, exported)).toMatchObject({ changed: [], warnings: [] });
    expect(await password()).toBe("linuxpassword");
    const before = await versions(orgId);
    const rotated = await apply(orgId, CONFIG("x").replace("linuxpassword", "another"));
    expect(rotated.changed).toEqual(["worker x-linux"]);
    expect(await password()).toBe("another");
    expect(await versions(orgId)).toEqual(before);
    // What an export refers to is what is stored now.
    expect(await apply(orgId, exported)).toMatchObject({ changed: [] });
    expect(await password()).toBe("another");
  });

  it("of before, beside the worker's row, work on and move to the store", async () => {
    const orgId = await server.organization("sealed", "properties: {}");
    await server.owner.rows(
      `insert into worker (org_id, name, login_name, kind, config, sealed_password)
       values ($1, 'old', 'old', 'Worker', '{}', $2)`,
      [orgId, seal(KEY, "from before")],
    );
    expect((await passwordOf("old"))?.sealed).not.toBeNull();
    const text = '{workers: [{type: Worker, name: old, password: {sealed: "0123456789abcdef"}}]}';
    await apply(orgId, text);
    expect(await clear(orgId, "worker/old/password")).toBe("from before");
    const exported = await server.db.within({ orgId }, (tx) => exportConfig(tx, orgId));
    expect(exported).toContain("%(secret:worker/old/password)s");
    const known = await passwordOf("old");
    expect(unseal(KEY, known?.sealed as Buffer)).toBe("from before");
    await expect(apply(orgId, text.replace("name: old", "name: stranger"))).rejects.toThrow(
      /write it out/,
    );
  });

  it("are read at each login, and one that is not there lets nobody in", async () => {
    const orgId = await server.organization(
      "login",
      'workers: [{type: Worker, name: later, password: "%(secret:bots/later)s"}]',
    );
    expect((await passwordOf("later"))?.sealed).toBeNull();
    await server.db.within({ orgId }, (tx) =>
      setSecret(tx, KEY, { orgId, actor: "ada" }, { name: "bots/later", value: "now it is" }),
    );
    const known = await passwordOf("later");
    expect(unseal(KEY, known?.sealed as Buffer)).toBe("now it is");
  });
});

it("gives the second organisation's worker a login name of its own, and leaves the first's alone", async () => {
  const text = "workers: [{type: Worker, name: example-worker, password: p}]";
  const [a, b] = [await server.organization("one", text), await server.organization("two", text)];
  const login = (orgId: OrgId) => one("select login_name from worker where org_id = $1", orgId);
  expect(await login(a)).toEqual({ login_name: "example-worker" });
  expect(await login(b)).toEqual({ login_name: "two/example-worker" });
  await apply(b, text.replace("password: p", "password: q"));
  expect(await login(b)).toEqual({ login_name: "two/example-worker" });
});

describe("schedulers and change sources", () => {
  const triggers = (timer: string) => `workers: [{type: LocalWorker, name: t-local}]
projects:
  t-app:
    builders: [{name: t-tests, workername: t-local, factory: []}]
    codebases: {app: {repository: [/srv/app.git, /srv/fork.git], branch: main}}
    change_source: {type: GitPoller, repourl: /srv/fork.git}
    schedulers:
      - {type: SingleBranchScheduler, name: all, builderNames: [t-tests], treeStableTimer: ${timer}}
      - {type: AnyBranchScheduler, name: any, builderNames: [t-tests]}
`;

  it("are rows; one that is the same, or comes back, keeps what it remembers", async () => {
    const orgId = await server.organization("triggers", triggers("null"));
    const rows = (table: string) =>
      server.owner.rows<Record<string, unknown>>(
        `select * from ${table} where org_id = $1 order by name`,
        [orgId],
      );
    const codebases = { app: { repository: "/srv/app.git", branch: "main" } };
    expect(await rows("scheduler")).toMatchObject([
      { name: "all", kind: "SingleBranchScheduler", config: { codebases, treeStableTimer: null } },
      { name: "any", kind: "AnyBranchScheduler", removed_at: null },
    ]);
    expect(await rows("change_source")).toMatchObject([
      { name: "/srv/fork.git", kind: "GitPoller", config: { codebase: "app" } },
    ]);

    await server.owner.rows("update scheduler set cursor = '{\"seen\": 7}' where org_id = $1", [
      orgId,
    ]);
    const without =
      "projects: {t-app: {builders: [{name: t-tests, workername: t-local, factory: []}]}}";
    expect(await apply(orgId, without)).toMatchObject({
      removed: ["scheduler all", "scheduler any", "change source /srv/fork.git"],
    });
    expect(await apply(orgId, triggers("60"))).toMatchObject({
      added: ["scheduler all", "scheduler any", "change source /srv/fork.git"],
    });
    expect(await rows("scheduler")).toMatchObject([
      { cursor: { seen: 7 }, removed_at: null, config: { treeStableTimer: 60 } },
      { cursor: { seen: 7 }, removed_at: null },
    ]);
    expect(await apply(orgId, triggers("90"))).toMatchObject({
      changed: ["scheduler all"],
      added: [],
      removed: [],
    });
  });

  it("of force carry what the project says of its codebases; validation is the organisation's", async () => {
    const orgId = await server.organization("forced", CONFIG("g"));
    await apply(
      orgId,
      `validation: {branch: "^(main|dev)$"}
workers: [{type: Worker, name: g-linux, password: linuxpassword}]
projects:
  g-project:
    codebases: {lib: {repository: https://example.org/lib, branch: main}, app: null}
    builders:
      - {name: g-tests, workernames: [g-linux], canStartBuild: enforceChosenWorker, factory: []}
    schedulers:
      - type: ForceScheduler
        name: f
        builderNames: [g-tests]
        properties: [{type: WorkerChoiceParameter}]`,
    );
    const [row] = await server.owner.rows<{ config: { codebases: unknown[] } }>(
      "select config from scheduler where org_id = $1",
      [orgId],
    );
    expect(row?.config.codebases).toEqual([
      {
        type: "CodebaseParameter",
        codebase: "lib",
        branch: { type: "StringParameter", name: "branch", label: "Branch:", default: "main" },
        repository: {
          type: "StringParameter",
          name: "repository",
          label: "Repository:",
          default: "https://example.org/lib",
        },
      },
      { type: "CodebaseParameter", codebase: "app" },
    ]);
    expect(
      await one(
        `select o.validation, b.can_start_build from organization o join builder b on b.org_id = o.id where o.id = $1`,
        orgId,
      ),
    ).toEqual({ validation: { branch: "^(main|dev)$" }, can_start_build: "enforceChosenWorker" });
  });

  it("name builders of the installation, found at activation", async () => {
    const orgId = await server.organization("dangling", CONFIG("d"));
    const alone =
      "projects: {p: {schedulers: [{type: ForceScheduler, name: f, builderNames: [x]}]}}";
    await expect(apply(orgId, alone)).rejects.toThrow(/there is no builder \\?"x\\?"/);
  });
});

describe("workers that are expected", () => {
  const textWith = (timeout: number | null, more = "") => `workers:
  - type: Worker
    name: mw-one
    password: sixteen-letters-x
${timeout === null ? "" : `    missing_timeout: ${timeout}\n`}${more}`;
  const waits = async (orgId: OrgId) =>
    server.owner.rows<{ id: number; wait: number | null; isNoticed: boolean }>(
      `select l.id, extract(epoch from d.fire_at - l.lost_at)::int as wait, l.noticed_at is not null as "isNoticed"
       from worker_loss l left join deadline d on d.kind = 'worker-missing' and d.subject_id = l.worker_id
       where l.org_id = $1 and l.back_at is null order by l.id`,
      [orgId],
    );

  it("are waited for from the activation on, as long as the configuration says", async () => {
    const orgId = await server.organization("expecting", textWith(null));
    const [first] = await waits(orgId);
    expect(first).toMatchObject({ wait: 3600, isNoticed: false });
    await apply(orgId, textWith(60));
    // The loss goes on; only its end is another.
    expect(await waits(orgId)).toEqual([{ ...first, wait: 60 }]);
    await apply(orgId, textWith(0));
    expect(await waits(orgId)).toEqual([]);
    await apply(orgId, textWith(60));
    expect(await waits(orgId)).toMatchObject([{ wait: 60 }]);
  });

  it("are not lost anew when they are missing already, unless they were removed", async () => {
    const orgId = await server.organization("expecting-2", textWith(60).replace("one", "two"));
    const text = (timeout: number) => textWith(timeout).replace("one", "two");
    await server.owner.rows(
      `with d as (delete from deadline where org_id = $1)
       update worker_loss set noticed_at = now() where org_id = $1`,
      [orgId],
    );
    const [missing] = await waits(orgId);
    await apply(orgId, text(90));
    expect(await waits(orgId)).toEqual([{ ...missing, wait: null, isNoticed: true }]);
    await apply(orgId, "workers: []");
    expect(await waits(orgId)).toEqual([]);
    await apply(orgId, text(90));
    expect(await waits(orgId)).toMatchObject([{ wait: 90, isNoticed: false }]);
  });

  it("and connected are not waited for", async () => {
    const text = (timeout: number) => textWith(timeout).replace("one", "three");
    const orgId = await server.organization("expecting-3", text(60));
    await server.owner.rows(
      `with l as (delete from worker_loss where org_id = $1), d as (delete from deadline where org_id = $1)
       update worker set session_id = 1 where org_id = $1`,
      [orgId],
    );
    await apply(orgId, text(90));
    expect(await waits(orgId)).toEqual([]);
  });
});

describe("reporters", () => {
  const reporting = (more: string) => `reporters:
  # Who hears of it.
  - type: MailNotifier
    fromaddr: ci@example.org
    relayhost: mail.example.org
    smtpUser: ci
    ${more}
    builders: []
`;
  it("are rows, and their passwords lie in the secret store", async () => {
    const orgId = await server.organization("reporting", reporting("smtpPassword: let me in"));
    expect(await clear(orgId, "reporter/mailnotifier/smtpPassword")).toBe("let me in");
    const row = () =>
      one(
        "select name, kind, config, removed_at is not null as gone from reporter where org_id = $1",
        orgId,
      );
    expect(await row()).toEqual({
      name: "MailNotifier",
      kind: "MailNotifier",
      gone: false,
      config: {
        fromaddr: "ci@example.org",
        relayhost: "mail.example.org",
        smtpUser: "ci",
        smtpPassword: "%(secret:reporter/mailnotifier/smtpPassword)s",
        builders: [],
      },
    });
    const text = await server.db.within({ orgId }, (tx) => exportConfig(tx, orgId));
    expect(text).toContain("# Who hears of it.");
    expect(text).not.toContain("let me in");
    const again = await apply(orgId, reporting("smtpPassword: let me in"));
    expect(again).toMatchObject({ added: [], changed: [], removed: [] });
    expect(await apply(orgId, "workers: []")).toMatchObject({ removed: ["reporter MailNotifier"] });
    expect(await row()).toMatchObject({ gone: true });
  });
});
