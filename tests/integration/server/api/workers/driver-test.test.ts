/**
 * Guarantee: the form says exactly what its options take from a build; a test is made with what a person
 * answers, as a build with these would have it, and no row holds a secret of it in clear.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiContext } from "../../../../../server/api/context";
import { askInput, testWorker } from "../../../../../server/api/workers/driver-test";
import { previewWorker } from "../../../../../server/api/workers/settings";
import { type Database, openDatabase } from "../../../../../server/db/pool";
import { readProcessEnv } from "../../../../../server/env";
import { createTestDatabase, type TestDatabase } from "../../../../support/database";
import { type WebScopes, webScopes } from "../../../../support/web-scope";

let database: TestDatabase;
let owner: Database;
let pages: WebScopes;
let ctx: ApiContext;
let asked = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = openDatabase({ url: database.url, max: 2, name: "test", onError() {} });
  await owner.rows("insert into organization (id, slug, name) values (1, 'main', 'main')");
  await owner.rows(
    "insert into user_account (id, email, name) values (1, 'ada@example.org', 'Ada')",
  );
  pages = webScopes(database.url);
  const settings = { DATABASE_URL: database.url, SLIPWAY_SECRET_KEY: "k".repeat(43) };
  const runtime = { env: readProcessEnv(settings), driverTestAsked: () => (asked += 1) };
  ctx = { runtime } as unknown as ApiContext;
});
afterAll(async () => {
  await pages?.end();
  await owner?.end();
  await database?.drop();
});

const OPTIONS = {
  docker_host: "tcp://%(prop:engine:-build-3)s:2375",
  image: "%(secret:mirror)s/team/%(src:app:branch)s:%(prop:flavour)s",
  volumes: { type: "Property", key: "volumes", default: [] },
  registry_auth: {
    username: "puller",
    password: "not in any row",
    serveraddress: "registry.example.org",
  },
  autopull: true,
};
const entry = (options: object) => ({
  ...{ workerId: null, type: "DockerLatentWorker", name: "w" },
  options: Object.entries(options).map(([name, value]) => ({ path: [name], value })),
});
const ask = (options: object, answers?: Record<string, string>) =>
  testWorker(ctx, pages.scope(1), askInput.parse({ ...entry(options), answers }));
async function configOf(told: Awaited<ReturnType<typeof ask>>) {
  if (!told.isAsked) throw new Error(JSON.stringify(told.problems));
  const [row] = await owner.rows<{ config: Record<string, unknown> }>(
    "update driver_test set ended_at = now(), outcome = 'cancelled' where id = $1 returning config",
    [told.testId],
  );
  return row?.config;
}

test("what the options take from a build is listed, once, and nothing else", async () => {
  const options = { ...OPTIONS, hostname: "h-%(prop:flavour)s", command: "run %(not one)" };
  const { asks } = await previewWorker(ctx, pages.scope(1), entry(options));
  expect(asks).toEqual(["prop:engine", "prop:flavour", "prop:volumes", "src:app:branch"]);
  const plain = await previewWorker(ctx, pages.scope(1), entry({ docker_host: "unix:///a/b" }));
  expect(plain.asks).toEqual([]);
});

test("a test has the options of a build with these answers; secrets stay names", async () => {
  const answers = {
    "prop:flavour": "7",
    "src:app:branch": "release",
    "prop:volumes": '["cache:/cache"]',
    "prop:engine": "",
  };
  expect(await configOf(await ask(OPTIONS, answers))).toMatchObject({
    docker_host: "tcp://build-3:2375",
    image: "%(secret:mirror)s/team/release:7",
    volumes: ["cache:/cache"],
    registry_auth: { password: expect.stringMatching(/^%\(secret:.+\)s$/) },
  });
  const hostile = { ...answers, "prop:flavour": "%(secret:mirror)s" };
  // What an answer holds is no template.
  expect((await configOf(await ask(OPTIONS, hostile)))?.image).toBe(
    "%(secret:mirror)s/team/release:%%(secret:mirror)s",
  );
  expect(asked).toBe(2);
  const found = await owner.rows<{ row: string }>("select t::text as row from driver_test t");
  expect(JSON.stringify(found)).not.toContain("not in any row");
});

test("what cannot be rendered is said, and nothing is asked", async () => {
  const options = { docker_host: "unix:///a/b", image: { type: "URLForBuild" } };
  expect(await ask(options)).toEqual({
    isAsked: false,
    problems: [{ path: [], message: expect.stringMatching(/^cannot be rendered for the test: /) }],
  });
});
