// Guarantees: the command line says what it did with its exit status, prints tokens alone, and does
// on the server's host what it does over HTTP.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OrgId } from "../../../../../server/domain/ids";
import { runCli } from "../../../../../server/processes/cli/run-cli";
import { createNodeHandler } from "../../../../../server/rest";
import { databaseSecrets } from "../../../../../server/secrets/database";
import {
  CONFIG,
  history,
  type Installation,
  KEY,
  openInstallation,
  SECRET_KEY,
} from "../../rest/support";

let server: Installation;
let orgId: OrgId;
let facts: Awaited<ReturnType<typeof history>>;
let http: Server;
let folder: string;
let base: Record<string, string>;

beforeAll(async () => {
  server = await openInstallation();
  orgId = await server.organization("main", CONFIG("a"));
  facts = await history(server, orgId);
  folder = await mkdtemp(join(tmpdir(), "slipway-cli-"));
  const handle = createNodeHandler(server.rest, (error) => server.faults.push(error));
  http = createServer((request, response) => {
    if (!handle(request, response)) response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => http.once("listening", resolve));
  const [row] = await server.owner.rows<{ name: string }>("select current_database() as name");
  const url = new URL(process.env.SLIPWAY_TEST_DATABASE_URL as string);
  url.pathname = `/${row?.name}`;
  base = {
    DATABASE_URL: url.href,
    SLIPWAY_SECRET_KEY: SECRET_KEY,
    SLIPWAY_URL: `http://127.0.0.1:${(http.address() as AddressInfo).port}/main`,
  };
});
afterAll(async () => {
  http.closeAllConnections();
  http.close();
  await server.close();
  await rm(folder, { recursive: true });
});

async function slipway(args: string[], env: Record<string, string> = {}, input = "") {
  let [out, err] = ["", ""];
  const status = await runCli(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env: { ...base, ...env },
    stdin: async () => input,
    sleep: (ms) => setTimeout(ms),
  });
  return { status, out, err };
}

const token = async (...scopes: string[]) => {
  const args = [
    "token",
    "create",
    "--org",
    "main",
    "--name",
    "ci",
    ...scopes.flatMap((scope) => ["--scope", scope]),
  ];
  return (await slipway(args)).out.trim();
};

it("prints a token alone, which works until it expires", async () => {
  const made = await slipway([
    "token",
    "create",
    "--org",
    "main",
    "--name",
    "ci",
    "--scope",
    "read",
    "--expires",
    "90d",
  ]);
  expect(made).toMatchObject({
    status: 0,
    err: "",
    out: expect.stringMatching(/^slw_[\w-]{43}\n$/),
  });
  const listed = await slipway(["workers"], { SLIPWAY_TOKEN: made.out.trim() });
  expect(listed.out).toMatch(/a-linux +connected +3\.7\.0/);
  const [row] = await server.owner.rows<{ days: number }>(
    "select round(extract(epoch from expires_at - now()) / 86400)::int as days from api_token order by id desc limit 1",
  );
  expect(row?.days).toBe(90);
});

describe("a wrong command line", () => {
  it.each([
    [[]],
    [["nonsense"]],
    [["token"]],
    [["token", "create", "--org", "main"]],
    [["token", "create", "--org", "main", "--name", "x", "--scope", "all"]],
    [["token", "create", "--org", "main", "--name", "x", "--scope", "read", "--expires", "soon"]],
    [["config", "check"]],
    [["config", "check", "a", "b"]],
    [["trigger"]],
    [["trigger", "a-tests", "--property", "novalue"]],
    [["trigger", "a-tests", "--logs"]],
    [["builds", "--limit", "many"]],
    [["logs", "stdio"]],
    [["pause", "a-linux", "--why", "x"]],
  ])("%j is 64", async (args) => {
    const { status, out, err } = await slipway(args);
    expect([status, out]).toEqual([64, ""]);
    expect(err).not.toBe("");
  });
});

it("explains itself", async () => {
  expect((await slipway(["--help"])).out).toContain("token create");
  expect((await slipway(["trigger", "--help"])).out).toContain("--wait");
});

it("says that a server or a database is not there, and that a token is not enough", async () => {
  const away = { SLIPWAY_URL: "http://127.0.0.1:9/main" };
  expect(await slipway(["workers"], away)).toMatchObject({ status: 69 });
  const closed = { DATABASE_URL: "postgresql://x@127.0.0.1:9/x" };
  expect(
    (await slipway(["token", "create", "--org", "main", "--name", "x", "--scope", "read"], closed))
      .status,
  ).toBe(69);
  expect((await slipway(["workers"])).status).toBe(77);
  expect((await slipway(["pause", "a-linux"], { SLIPWAY_TOKEN: await token("read") })).status).toBe(
    77,
  );
});

describe("configuration", () => {
  it("is checked, exported and applied, here and there", async () => {
    const file = join(folder, "ci.yaml");
    await writeFile(file, "workers: [{type: Worker}]\n");
    const checked = await slipway(["config", "check", file]);
    expect(checked.status).toBe(65);
    expect(checked.err).toMatch(/ci\.yaml:1:\d+: workers\[0\]\.name: is missing/);
    const json = await slipway(["config", "check", file, "--json"]);
    expect(JSON.parse(json.out).errors.length).toBeGreaterThan(1);

    const key = { SLIPWAY_TOKEN: await token("config") };
    const exported = await slipway(["config", "export"], key);
    expect((await slipway(["config", "export", "--org", "main"])).out).toBe(exported.out);
    const changed = exported.out.replace("A project", "Another");
    const applied = await slipway(["config", "apply", "-"], key, changed);
    expect(applied).toMatchObject({
      status: 0,
      out: expect.stringMatching(/^changed project a-project\nrevision \d+ is active\n$/),
    });
    const late = exported.out.replace("A project", "A third");
    expect((await slipway(["config", "apply", "-"], key, late)).status).toBe(70);
    expect((await slipway(["config", "apply", "-", "--org", "main"], {}, late)).status).toBe(70);
    expect(
      (await slipway(["config", "apply", "-", "--org", "main", "--force"], {}, late)).status,
    ).toBe(0);
    const wrong = await slipway(["config", "apply", "-"], key, "wrokers: []");
    expect(wrong).toMatchObject({
      status: 65,
      err: expect.stringMatching(/^-:1:1: wrokers: unknown key/),
    });
  });

  it("has versions, which are listed, compared and gone back to", async () => {
    const key = { SLIPWAY_TOKEN: await token("config") };
    const file = (what: string) =>
      `projects:\n  versioned:\n    # kept\n    description: ${what}\n`;
    for (const what of ["first", "second"]) {
      expect((await slipway(["config", "apply", "-"], key, file(what))).status).toBe(0);
    }
    const listed = async () =>
      JSON.parse((await slipway(["config", "versions", "versioned", "--json"], key)).out);
    expect(await listed()).toMatchObject([
      { project: "versioned", number: 2, author: expect.any(String), is_newest: true },
      { project: "versioned", number: 1, is_newest: false },
    ]);
    expect((await slipway(["config", "versions"], key)).out).toMatch(/^PROJECT +VERSION +AT/);
    const diff = ["@@ line 2, now 2 @@", "-description: first", "+description: second", ""];
    for (const words of [["1", "2"], ["2"]]) {
      const shown = await slipway(["config", "diff", "versioned", ...words], key);
      expect(shown.out).toBe(diff.join("\n"));
    }
    expect((await slipway(["config", "diff", "versioned", "2", "2"], key)).out).toBe("the same\n");
    const back = await slipway(["config", "rollback", "versioned", "1"], key);
    expect(back.out).toMatch(/^version 1 is active again, as revision \d+\n$/);
    expect(await listed()).toMatchObject([
      { number: 3, comment: "back to version 1" },
      { number: 2 },
      { number: 1 },
    ]);
    expect((await slipway(["config", "export"], key)).out).toContain("description: first");
    expect(await slipway(["config", "rollback", "versioned", "9"], key)).toMatchObject({
      status: 70,
      err: expect.stringContaining("version of the configuration"),
    });
    expect((await slipway(["config", "diff", "versioned"], key)).status).toBe(64);
    const reader = { SLIPWAY_TOKEN: await token("read") };
    expect((await slipway(["config", "rollback", "versioned", "1"], reader)).status).toBe(77);
  });
});

describe("builds", () => {
  it("are listed, and their logs printed", async () => {
    const key = { SLIPWAY_TOKEN: await token("read") };
    expect((await slipway(["builds"], key)).out).toMatch(/a-tests +1 +FAILURE/);
    expect(JSON.parse((await slipway(["builds", "--running", "--json"], key)).out)).toHaveLength(1);
    const logs = await slipway(["logs", String(facts.doneId), "test"], key);
    expect(logs).toMatchObject({ status: 0, out: 'make\n"one"\nü\n' });
    expect((await slipway(["logs", "424242"], key)).status).toBe(70);
  });

  it("are started, and waited for to the result", async () => {
    const key = { SLIPWAY_TOKEN: await token("read", "trigger") };
    const waiting = slipway(
      ["trigger", "a-tests", "--branch", "main", "--property", "k=v=w", "--wait"],
      key,
    );
    const pending = async () =>
      (
        await server.owner.rows<{ id: number }>(
          "select id from build_request where state = 'pending'",
        )
      )[0]?.id;
    await expect.poll(pending).toBeTypeOf("number");
    const id = await pending();
    await server.owner.rows(
      "update build_request set state = 'done', result = 2, complete_at = now() where id = $1",
      [id],
    );
    const { status, out, err } = await waiting;
    expect([status, err]).toEqual([2, "FAILURE\n"]);
    expect(out).toBe(`${base.SLIPWAY_URL}/requests/${id}\n`);
  });

  it("are started by a force scheduler's form, which says what is wrong", async () => {
    await server.owner.rows(
      "insert into scheduler (org_id, name, kind, config) values ($1, 'deploy', 'ForceScheduler', $2)",
      [
        orgId,
        {
          builderNames: ["a-tests"],
          properties: [{ type: "IntParameter", name: "copies", required: true }],
        },
      ],
    );
    const key = { SLIPWAY_TOKEN: await token("trigger:a-*") };
    const run = (...more: string[]) =>
      slipway(["trigger", "a-tests", "--scheduler", "deploy", "--branch", "main", ...more], key);
    expect(await run("--property", "copys=2")).toEqual({
      status: 70,
      out: "",
      err: expect.stringMatching(/copys is no field of this form\n.*copies is required/),
    });
    expect(await run("--property", "copies=2")).toMatchObject({ status: 0, err: "" });
    const [row] = await server.owner.rows<{ properties: Record<string, unknown> }>(
      "select properties from buildset where scheduler = 'deploy'",
    );
    expect(row?.properties.copies).toEqual([2, "Force Build Form"]);
    const other = { SLIPWAY_TOKEN: await token("trigger:b-*") };
    expect((await slipway(["trigger", "a-tests"], other)).status).toBe(77);
    const unknown = ["token", "create", "--org", "main", "--name", "x", "--scope", "trigger:a{"];
    expect((await slipway(unknown)).err).toContain("is no scope");
  });

  it("of nobody are not started", async () => {
    const key = { SLIPWAY_TOKEN: await token("trigger") };
    expect(await slipway(["trigger", "none"], key)).toMatchObject({
      status: 70,
      err: expect.stringContaining("no builder none"),
    });
  });
});

it("sets, lists and removes secrets, here and there, and prints no value", async () => {
  const key = { SLIPWAY_TOKEN: await token("config") };
  expect(await slipway(["secret", "set", "deploy/token"], key, "s3cret value\n")).toEqual({
    status: 0,
    out: "deploy/token is set\n",
    err: "",
  });
  expect(await slipway(["secret", "set", "pin", "--value", "1234"], key)).toMatchObject({
    status: 0,
    err: expect.stringContaining("shorter than 6 bytes"),
  });
  const same = ["secret", "set", "deploy/token", "--org", "main", "--value", "s3cret value"];
  expect((await slipway(same)).out).toBe("deploy/token had that value already\n");
  const keyFile = "-----BEGIN\nabc\n-----END\n";
  expect((await slipway(["secret", "set", "ssh"], key, keyFile)).status).toBe(0);
  const listed = await slipway(["secret", "list"], key);
  expect(listed.out).toMatch(/deploy\/token +\d{4}-\S+ +token ci +-\npin +/);
  const here = await slipway(["secret", "list", "--org", "main", "--json"]);
  expect(JSON.parse(here.out).map((one: { name: string }) => one.name)).toEqual([
    "deploy/token",
    "pin",
    "ssh",
    // Taken out of the configuration.
    "worker/a-linux/password",
  ]);
  expect(listed.out + here.out).not.toMatch(/s3cret|1234|BEGIN|linuxpassword/);
  const request = { orgId, names: ["ssh"], reader: "test", enrol: () => {} };
  const read = await databaseSecrets(server.owner, KEY).read(request);
  expect(read.get("ssh")?.reveal()).toBe(keyFile);
  expect((await slipway(["secret", "remove", "pin"], key)).out).toBe("pin is removed\n");
  expect((await slipway(["secret", "remove", "pin"], key)).status).toBe(70);
  expect((await slipway(["secret", "remove", "pin", "--org", "main"])).status).toBe(70);
  expect((await slipway(["secret", "set", "a b", "--value", "x"], key)).status).toBe(64);
  expect((await slipway(["secret", "set", "empty"], key, "")).status).toBe(64);
  const reader = { SLIPWAY_TOKEN: await token("read") };
  expect((await slipway(["secret", "list"], reader)).status).toBe(77);
});

it("adds a worker, with the line that sets it up", async () => {
  const key = { SLIPWAY_TOKEN: await token("config") };
  const made = await slipway(["worker", "create", "winch", "--max-builds", "3"], key);
  expect(made).toMatchObject({
    status: 0,
    out: expect.stringMatching(
      /^buildbot-worker create-worker winch ci\.example\.org:9989 winch w[\w-]{27}\n$/,
    ),
  });
  expect((await slipway(["config", "export"], key)).out).toContain("winch");
  expect(await slipway(["worker", "create", "winch"], key)).toMatchObject({
    status: 70,
    err: expect.stringContaining("there is a worker winch"),
  });
  const reader = { SLIPWAY_TOKEN: await token("read", "workers") };
  expect((await slipway(["worker", "create", "other"], reader)).status).toBe(77);
  expect((await slipway(["worker", "create", "no/slash"], key)).status).toBe(70);
});

it("rebuilds, and lists changes and schedulers", async () => {
  const key = { SLIPWAY_TOKEN: await token("read", "trigger", "config") };
  const again = await slipway(["rebuild", String(facts.doneId)], key);
  expect(again).toMatchObject({ status: 0, out: expect.stringMatching(/\/requests\/\d+\n$/) });
  expect((await slipway(["changes"], key)).out).toMatch(/^ID +WHEN/);
  const text = `projects: {nightly: {schedulers: [{type: ForceScheduler, name: by-hand, builderNames: [a-tests]}]}}`;
  expect((await slipway(["config", "apply", "-"], key, text)).status).toBe(0);
  expect((await slipway(["schedulers", "disable", "by-hand"], key)).out).toBe(
    "by-hand is disabled\n",
  );
  expect((await slipway(["schedulers"], key)).out).toMatch(/by-hand +disabled/);
  expect((await slipway(["schedulers", "enable", "by-hand"], key)).status).toBe(0);
});

it("says in one line what is wrong with address, token or command", async () => {
  const origin = base.SLIPWAY_URL?.replace(/\/main$/, "") as string;
  const says = async (env: Record<string, string>, status: number, text: RegExp) => {
    const answer = await slipway(["workers"], env);
    expect([answer.status, answer.err]).toEqual([status, expect.stringMatching(text)]);
    expect(answer.err.trimEnd()).not.toContain("\n");
  };
  await says({ SLIPWAY_URL: "" }, 64, /must be set to the address of an organisation/);
  await says({ SLIPWAY_URL: origin }, 64, /must end with the organisation's name/);
  await says({ SLIPWAY_URL: `${base.SLIPWAY_URL}/api/v2` }, 64, /nothing behind it/);
  await says({}, 77, /set SLIPWAY_TOKEN/);
  await says({ SLIPWAY_TOKEN: "slw_nonsense" }, 77, /does not know SLIPWAY_TOKEN/);
  await says({ SLIPWAY_TOKEN: await token("config") }, 77, /may not: looking at it needs .*read/);
  expect((await slipway(["triger", "x"])).err).toContain("perhaps trigger is meant");
  expect((await slipway(["secrets"])).err).toContain("perhaps secret set is meant");
  expect((await slipway(["xyzzy"])).err).not.toContain("perhaps");
});

it("says in one line what is wrong with what it was given", async () => {
  const key = await token("read", "trigger", "workers", "config");
  const long = "n".repeat(3_000);
  const deep = join(folder, "deep.yaml");
  await writeFile(deep, `a: ${"[".repeat(20_000)}`);
  const huge = join(folder, "huge.yaml");
  await writeFile(huge, "# x\n".repeat(1_500_000));
  const none = { DATABASE_URL: "postgres://nobody@127.0.0.1:1/x" };
  const noFolder = { DATABASE_URL: "", SLIPWAY_SECRET_KEY: "", SLIPWAY_DATA_DIR: "/dev/null/x" };
  const cases: [string[], number, RegExp, Record<string, string>?][] = [
    [["workers", "--jsn"], 64, /there is no option --jsn, perhaps --json is meant/],
    [["builds", "--nonsense"], 64, /there is no option --nonsense;/],
    [["builds", "--limit", "-1"], 64, /begins with a dash: write --limit=VALUE/],
    [["builds", "--limit"], 64, /argument missing/],
    [["pause", ""], 64, /WORKER must not be empty/],
    [["builds", "--builder", ""], 64, /--builder must not be empty/],
    [["stop", "nowhere"], 64, /BUILD is the id of a build, a number/],
    [["cancel", "nowhere"], 64, /REQUEST is the id of a build request, a number/],
    [["config", "diff"], 64, /A must be given/],
    [["config", "rollback"], 64, /N must be given/],
    [["builds", "--builder", "nowhere"], 70, /builder not found/],
    [["logs", "999999"], 70, /build not found/],
    [["config", "versions", "nowhere"], 70, /there is no project "nowhere"/],
    [["trigger", "two\nlines"], 70, /no builder two lines/],
    [["trigger", long], 70, /no builder n{400,500}\.\.\.\n/],
    [["worker", "create", "no name"], 70, /name: is not a worker name/],
    [["config", "check", deep], 65, /nested deeper than/],
    [["config", "apply", huge], 65, /larger than/],
    [["backup", join(folder, "b")], 69, /the database does not answer/, none],
    [["backup", join(folder, "b")], 64, /SLIPWAY_DATA_DIR: ENOTDIR/, noFolder],
    [["secret", "list", "--org", "main"], 64, /SLIPWAY_DATA_DIR: ENOTDIR/, noFolder],
  ];
  for (const [args, status, text, env] of cases) {
    const answer = await slipway(args, { SLIPWAY_TOKEN: key, ...env });
    expect([args[0], answer.status, answer.err]).toEqual([
      args[0],
      status,
      expect.stringMatching(text),
    ]);
    expect(answer.err.trimEnd()).not.toContain("\n");
  }
  const [asked, wanted] = [await slipway(["help", "trigger"]), await slipway(["trigger", "-h"])];
  expect(asked).toEqual(wanted);
});

it("gives a program texts and their revision", async () => {
  const key = { SLIPWAY_TOKEN: await token("read", "config") };
  const { out: text } = await slipway(["config", "export"], key);
  const exported = JSON.parse((await slipway(["config", "export", "--json"], key)).out);
  expect(exported).toEqual({ revision: expect.any(Number), text });
  const compared = JSON.parse((await slipway(["config", "diff", "1", "--json"], key)).out);
  expect(compared).toEqual({ before: "", text: expect.stringContaining("workers:") });
});

it("pauses a worker", async () => {
  const key = { SLIPWAY_TOKEN: await token("read", "workers") };
  expect((await slipway(["pause", "a-linux", "--reason", "disk"], key)).out).toBe(
    "a-linux is paused\n",
  );
  expect((await slipway(["workers"], key)).out).toMatch(/a-linux +paused +3\.7\.0 +disk/);
  expect((await slipway(["unpause", "a-linux"], key)).status).toBe(0);
});

it("lists pools, and the machines of one", async () => {
  await server.owner.rows(
    `with p as (insert into pool (org_id, name, kind, config, max_workers, figures)
       values ($1, 'linux', 'Worker', '{"worker": {"type": "Worker"}}', 4,
         '{"queue": 3, "desired": 4, "limits": [{"code": "join", "room": 0, "sentence": "grows when machines join it", "until": null}]}')
       returning id, org_id)
     insert into worker (org_id, name, login_name, kind, config, pool_id, pool_number, session_id, joined_at)
     select p.org_id, 'linux-1', 'linux-1', 'Worker', '{}', p.id, 1, 1, to_timestamp(1790000000) from p`,
    [orgId],
  );
  const key = { SLIPWAY_TOKEN: await token("read") };
  expect((await slipway(["pools"], key)).out).toMatch(
    /linux +Worker +3 +4 +1 +0 +4 +grows when machines join it\n/,
  );
  expect((await slipway(["pools", "linux"], key)).out).toMatch(
    /linux-1 +connected +2026-09-21T\S+ +- +-\n/,
  );
  expect(await slipway(["pools", "nowhere"], key)).toMatchObject({
    err: expect.stringContaining("pool not found"),
  });
  const [pool] = JSON.parse((await slipway(["pools", "--json"], key)).out);
  expect(pool).toMatchObject({ name: "linux", desired: 4, options: { maxWorkers: 10 } });
});
