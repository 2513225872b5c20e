// Guarantees that every wrong or contradictory setting is named in one readable line, that what is
// right arrives as written in docs/architecture.md, and that no secret is repeated in a message.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  childEnv,
  EnvError,
  hostEnv,
  type ProcessEnv,
  readEnv,
  readProcessEnv,
} from "../../../../server/env";

const KEY = "k".repeat(32);
const DATABASE = { DATABASE_URL: "postgresql://u:p@db/x", SLIPWAY_SECRET_KEY: KEY };

function problemsOf(source: Record<string, string>): string[] {
  try {
    readEnv(source);
  } catch (error) {
    if (error instanceof EnvError) return error.problems;
    throw error;
  }
  return [];
}

test("nothing set gives the documented defaults", () => {
  const env = readEnv({});
  expect(env.web).toMatchObject({
    port: 8010,
    bind: "127.0.0.1",
    publicUrl: "http://localhost:8010",
  });
  expect(env.live).toEqual({ port: 8011, bind: "127.0.0.1", url: "http://127.0.0.1:8011" });
  expect(env.workers).toMatchObject({
    pbPort: 9989,
    msgpackPort: 9990,
    tls: null,
    drainSeconds: 0,
  });
  expect(env).toMatchObject({ databaseUrl: null, redisUrl: null, secretKey: null, mail: null });
  expect(env).toMatchObject({ isHosted: false, withDemo: true, admin: null });
  expect(env.artifacts).toBe(`file:${env.dataDir}/artifacts`);
});

test("an empty variable counts as absent", () => {
  expect(readEnv({ PORT: "", DATABASE_URL: " ", SLIPWAY_DEMO: "" })).toEqual(readEnv({}));
});

test("port 0 closes a worker door, and only that", () => {
  expect(readEnv({ SLIPWAY_PB_PORT: "0" }).workers.pbPort).toBeNull();
  expect(problemsOf({ PORT: "0" })).toEqual(['PORT must be a port from 1 to 65535, not "0"']);
});

describe("one line for each problem", () => {
  test.each([
    [{ PORT: "http" }, 'PORT must be a port from 1 to 65535, not "http"'],
    [{ SLIPWAY_DEMO: "yes" }, 'SLIPWAY_DEMO must be 0 or 1, not "yes"'],
    [
      { SLIPWAY_SOCKET_DRAIN_SECONDS: "1h" },
      'SLIPWAY_SOCKET_DRAIN_SECONDS must be a number of seconds from 0 to 86400, not "1h"',
    ],
    [
      { SLIPWAY_TRUSTED_PROXY: "10.0.0.1, proxy.example.org" },
      'SLIPWAY_TRUSTED_PROXY must be IP addresses or ranges such as 10.0.0.0/8, not "proxy.example.org"',
    ],
    [{ PORT: "8011" }, "SLIPWAY_LIVE_PORT is 8011, the same as PORT"],
    [
      { DATABASE_URL: "postgres://db/x" },
      "SLIPWAY_SECRET_KEY is required when DATABASE_URL is set",
    ],
    [{ SLIPWAY_TLS_CERT: "a.pem" }, "SLIPWAY_TLS_KEY is required when SLIPWAY_TLS_CERT is set"],
    [
      { SLIPWAY_ADMIN_EMAIL: "a@b" },
      "SLIPWAY_ADMIN_PASSWORD is required when SLIPWAY_ADMIN_EMAIL is set",
    ],
    [
      { SLIPWAY_SMTP_URL: "smtp://mail" },
      "SLIPWAY_MAIL_FROM is required when SLIPWAY_SMTP_URL is set",
    ],
    [{ REDIS_URL: "http://x" }, "REDIS_URL must be a URL starting with redis: or rediss: or unix:"],
  ])("%j", (source, line) => {
    expect(problemsOf(source)).toEqual([line]);
  });
});

test("all problems are told at once", () => {
  expect(problemsOf({ PORT: "x", SLIPWAY_PB_PORT: "y" })).toHaveLength(2);
});

test("a secret is never repeated in a message", () => {
  const problems = problemsOf({
    DATABASE_URL: "mysql://u:hunter2@db",
    SLIPWAY_SECRET_KEY: "hunter2",
  });
  expect(problems).toHaveLength(2);
  expect(problems.join("\n")).not.toContain("hunter2");
});

test("a process that is started alone needs a database", () => {
  expect(() => readProcessEnv({})).toThrow("DATABASE_URL is required");
  expect(readProcessEnv(DATABASE).secretKey).toBe(KEY);
});

test("what children get reads back as the same settings, without the administrator's password", () => {
  const source = {
    ...DATABASE,
    ...{ PORT: "1", SLIPWAY_PB_PORT: "0", SLIPWAY_TRUSTED_PROXY: "10.0.0.1, 10.0.0.2" },
    ...{ SLIPWAY_ADMIN_EMAIL: "a@b", SLIPWAY_ADMIN_PASSWORD: "pw", SLIPWAY_DEMO: "0" },
    ...{ SLIPWAY_SMTP_URL: "smtp://mail", SLIPWAY_MAIL_FROM: "ci@b", SLIPWAY_HOSTED: "1" },
  };
  const env = readEnv(source) as ProcessEnv;
  const given = childEnv(env, { ...source, PATH: "/bin", UNRELATED: "x", AWS_REGION: "eu" });
  expect(readProcessEnv(given)).toEqual({ ...env, admin: null });
  expect(given).toMatchObject({ PATH: "/bin", AWS_REGION: "eu" });
  expect(Object.keys(given)).not.toContain("UNRELATED");
  expect(JSON.stringify(given)).not.toContain('"pw"');
});

test("what npm puts into PATH is not the host's", () => {
  const path =
    "/srv/slipway/node_modules/.bin:/node_modules/.bin:/usr/lib/npm/lib/node-gyp-bin:/usr/bin:/opt/.bin";
  expect(hostEnv({ PATH: path }).PATH).toBe("/usr/bin:/opt/.bin");
});

test("programs that are not ours get neither key nor database", () => {
  const given = hostEnv({ ...DATABASE, PATH: "/bin", AWS_SECRET_ACCESS_KEY: "x" });
  expect(given).toEqual({ PATH: "/bin" });
});

test("every variable is in the table of docs/architecture.md", () => {
  const root = join(import.meta.dirname, "../../../..");
  const docs = readFileSync(join(root, "docs/architecture.md"), "utf8");
  const source = readFileSync(join(root, "server/env/read-env.ts"), "utf8");
  const names = [...source.matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map((match) => match[1]);
  expect(names.length).toBeGreaterThan(20);
  expect(names.filter((name) => !docs.includes(`\`${name}\``))).toEqual([]);
});
