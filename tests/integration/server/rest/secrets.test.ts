// Guarantees: secrets go in over HTTP and never come out; a token without scope config, and another
// organisation, can neither see nor touch them; what is malformed changes nothing.
import { afterAll, beforeAll, expect, it } from "vitest";
import { CONFIG, type Installation, openInstallation } from "./support";

let server: Installation;
let key: string;
let foreign: string;
const URL = "/main/api/v2/secrets";

beforeAll(async () => {
  server = await openInstallation();
  key = await server.token(await server.organization("main", CONFIG("a")), "config");
  foreign = await server.token(await server.organization("other", CONFIG("b")), "config");
});
afterAll(() => server.close());

const send = (method: "PUT" | "DELETE", path: string, body?: string, token = key) =>
  server.call(method, path, {
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body }),
  });

it("sets, lists and removes; slashes in a name may be quoted", async () => {
  const value = "a value nobody sees";
  const added = await send("PUT", `${URL}/deploy%2Fkey`, JSON.stringify({ value }));
  expect([added.status, added.body]).toEqual([
    200,
    { name: "deploy/key", outcome: "added", warning: null },
  ]);
  const short = await send("PUT", `${URL}/deploy/key`, JSON.stringify({ value: "1234" }));
  expect(short.body).toMatchObject({ outcome: "changed", warning: expect.any(String) });
  const list = await server.get(URL, key);
  const row = {
    name: "deploy/key",
    updated_at: expect.any(Number),
    updated_by: "token ci",
    used_by: [],
  };
  // The worker's password was taken out of the configuration.
  const password = {
    ...row,
    name: "worker/a-linux/password",
    updated_by: "test",
    used_by: ["worker a-linux"],
  };
  expect(list.body).toEqual({ secrets: [row, password], meta: { total: 2 }, missing: [] });
  expect((await server.get(`${URL}/deploy%2Fkey`, key)).body).toEqual({
    secrets: [row],
    meta: { total: 1 },
  });
  expect((await server.get(`${URL}/other`, key)).status).toBe(404);
  expect((await send("DELETE", `${URL}/deploy/key`)).body).toEqual({ name: "deploy/key" });
  expect((await send("DELETE", `${URL}/deploy/key`)).status).toBe(404);
});

it("refuses what it cannot keep", async () => {
  const bodies = [
    "",
    "[]",
    '{"value": 7}',
    '{"value": ""}',
    '{"value": "a\\u0000b"}',
    '{"value": "\\ud800"}',
    '{"value": "x", "more": 1}',
    JSON.stringify({ value: "x".repeat(65_537) }),
  ];
  for (const body of bodies) {
    const { status, text } = await send("PUT", `${URL}/name`, body);
    expect([status, text], body.slice(0, 40)).toEqual([400, expect.stringMatching(/^\{"error"/)]);
  }
  expect((await send("PUT", `${URL}/a%20b`, '{"value": "x"}')).status).toBe(400);
  expect((await send("PUT", URL, '{"value": "x"}')).status).toBe(404);
  expect((await send("PUT", "/main/api/v2/builders/a-tests", '{"value": "x"}')).status).toBe(404);
  expect((await server.get(URL, key)).body.meta.total).toBe(1);
});

it("is for tokens of scope config of this organisation", async () => {
  const weak = await server.token((await orgId()) as never, "read", "trigger", "workers");
  const body = '{"value": "not theirs"}';
  for (const [token, status] of [
    [weak, 403],
    [foreign, 401],
    ["nonsense", 401],
  ] as const) {
    expect((await server.get(URL, token)).status).toBe(status);
    expect((await send("PUT", `${URL}/x`, body, token)).status).toBe(status);
    expect((await send("DELETE", `${URL}/x`, undefined, token)).status).toBe(status);
  }
  expect((await server.get(URL)).status).toBe(401);
  expect(server.faults).toEqual([]);
});

async function orgId(): Promise<number | undefined> {
  const [row] = await server.owner.rows<{ id: number }>(
    "select id from organization where slug = 'main'",
  );
  return row?.id;
}
