/**
 * Guarantee: there is no procedure of the pages' API that forgets to ask who calls. Every one is found in
 * the router, also those that are added later: a stranger is asked to sign in, another organisation is not
 * found, and whoever may only look changes nothing. What is different by intent is named here.
 */
import { TRPCError } from "@trpc/server";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApiContext } from "../../../../server/api/context";
import { appRouter } from "../../../../server/api/router";
import { createCallerFactory } from "../../../../server/api/trpc";
import type { Role, SignedInUser } from "../../../../server/auth";
import { orgDatabase } from "../../../../server/db/org-database";
import { type Database, only, openDatabase } from "../../../../server/db/pool";
import type { OrgId, UserId } from "../../../../server/domain/ids";
import { createEngineCommands } from "../../../../server/engine";
import { readProcessEnv } from "../../../../server/env";
import { createFleetCommands } from "../../../../server/fleet";
import { createTestDatabase, type TestDatabase } from "../../../support/database";

let database: TestDatabase;
let owner: Database;
let web: Database;
const ids = { own: 0, foreign: 0, ada: 0 };

beforeAll(async () => {
  database = await createTestDatabase();
  const onError = () => {};
  owner = openDatabase({ url: database.url, max: 2, name: "test", onError });
  web = openDatabase({ url: database.url, max: 8, name: "test-web", role: "slipway_web", onError });
  for (const slug of ["own", "foreign"] as const) {
    const sql = "insert into organization (slug, name) values ($1, $1) returning id";
    ids[slug] = only(await owner.rows<{ id: number }>(sql, [slug])).id;
  }
  const sql =
    "insert into user_account (email, name) values ('ada@example.org', 'Ada') returning id";
  ids.ada = only(await owner.rows<{ id: number }>(sql)).id;
});
afterAll(async () => {
  await web?.end();
  await owner?.end();
  await database?.drop();
});

function as(role: Role | null) {
  const db = orgDatabase(web);
  // Of events that are told to nobody here.
  const silent = new Proxy({ db } as Record<string, unknown>, {
    get: (own, name) => (name in own ? own[name as string] : () => {}),
  });
  const runtime = {
    env: readProcessEnv({ DATABASE_URL: database.url, SLIPWAY_SECRET_KEY: "k".repeat(43) }),
    db,
    commands: createEngineCommands(silent as never),
    fleet: createFleetCommands(silent as never),
    configChanged: () => {},
    repositoryAsked: () => {},
    driverTestAsked: () => {},
  } as ApiContext["runtime"];
  const memberships = [{ orgId: ids.own as OrgId, slug: "own", name: "own", role: role as Role }];
  const user: SignedInUser | null =
    role === null
      ? null
      : {
          ...{ userId: ids.ada as UserId, sessionId: "00000000-0000-4000-8000-000000000000" },
          ...{ email: "ada@example.org", name: "Ada", isAdmin: false, memberships },
        };
  return createCallerFactory(appRouter)({ runtime, user });
}

type Caller = ReturnType<typeof as>;

async function codeOf(caller: Caller, path: string, input: unknown): Promise<string> {
  const procedure = path
    .split(".")
    .reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], caller);
  try {
    await (procedure as (input: unknown) => Promise<unknown>)(input);
    return "answered";
  } catch (error) {
    if (error instanceof TRPCError) return error.code;
    throw error;
  }
}

const procedures = Object.entries(
  appRouter._def.procedures as unknown as Record<string, { _def: { type: string } }>,
);
const all = procedures.map(([path]) => path);
const mutations = procedures
  .filter(([, { _def }]) => _def.type === "mutation")
  .map(([path]) => path);

/** Not of one organisation. */
const OF_NONE = [
  ...["organizations.list", "organizations.create"],
  ...["sessions.list", "sessions.revoke", "sessions.revokeOthers"],
];
/** Of builds that somebody asked for they may do more than others, so that the build is looked at first. */
const DECIDES_INSIDE = ["builds.stop", "requests.cancel"];

test("there is something to be looked at", () => {
  expect(all.length).toBeGreaterThan(90);
  for (const named of [...OF_NONE, ...DECIDES_INSIDE]) expect(all).toContain(named);
});

describe.each(all)("%s", (path) => {
  test("a stranger is asked to sign in", async () => {
    expect(await codeOf(as(null), path, { org: "own" })).toBe("UNAUTHORIZED");
  });

  if (OF_NONE.includes(path)) return;
  test("of another organisation there is nothing", async () => {
    expect(await codeOf(as("owner"), path, { org: "foreign" })).toBe("NOT_FOUND");
    expect(await codeOf(as("owner"), path, { org: "nowhere" })).toBe("NOT_FOUND");
  });
});

test.each(mutations.filter((path) => ![...OF_NONE, ...DECIDES_INSIDE].includes(path)))(
  "%s: whoever may only look changes nothing",
  async (path) => {
    expect(await codeOf(as("viewer"), path, { org: "own" })).toBe("FORBIDDEN");
  },
);

test("of tests of settings that are asked for at once no more begin than may run", async () => {
  const asked = { org: "own", workerId: null, type: "LocalLatentWorker", name: "vm", options: [] };
  const codes = await Promise.all(
    Array.from({ length: 12 }, () => codeOf(as("maintainer"), "workers.test", asked)),
  );
  expect(codes.filter((code) => code === "answered")).toHaveLength(3);
  expect(codes.filter((code) => code === "CONFLICT")).toHaveLength(9);
});
