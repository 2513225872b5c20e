// Guarantees: locks and the accesses to them reach the engine as they are written, change and go with their
// documents, and no count that shrinks leaves places beside who has a lock alone (CORE §11, C-123).
import { afterAll, beforeAll, expect, it } from "vitest";
import { applyConfig, ConfigInvalid, checkConfig } from "../../../../server/config";
import type { OrgId } from "../../../../server/domain/ids";
import { type Installation, KEY, openInstallation } from "../rest/support";

let server: Installation;
let orgId: OrgId;
beforeAll(async () => {
  server = await openInstallation();
  orgId = await server.organization("locks", "workers: []\n");
});
afterAll(() => server.close());

async function apply(text: string) {
  const { documents, errors } = checkConfig(text);
  if (!documents) throw new Error(JSON.stringify(errors));
  return server.db.within({ orgId }, (tx) =>
    applyConfig(tx, orgId, documents, { author: "ada", sealingKey: KEY }),
  );
}

const rows = (sql: string) => server.owner.rows<Record<string, unknown>>(sql, [orgId]);

const text = (locks: string, onWorker = "[cpu]", onBuilder = "[{name: db, mode: exclusive}]") => `
locks: ${locks}
workers: [{type: LocalWorker, name: lw, locks: ${onWorker}}]
projects: {p: {builders: [{name: lb, workernames: [lw], locks: ${onBuilder}, factory: []}]}}`;

it("are rows with their counts, and accesses in one form", async () => {
  const applied = await apply(
    text(
      "[{type: MasterLock, name: db}, {type: WorkerLock, name: cpu, maxCountForWorker: {lw: 4}}]",
    ),
  );
  expect(applied.added).toEqual(expect.arrayContaining(["lock db", "lock cpu"]));
  expect(
    await rows("select name, kind, max_count, places from lock where org_id = $1 order by name"),
  ).toEqual([
    { name: "cpu", kind: "WorkerLock", max_count: 1, places: 4 },
    { name: "db", kind: "MasterLock", max_count: 1, places: 1 },
  ]);
  expect(await rows("select locks from worker where org_id = $1")).toEqual([
    { locks: [{ name: "cpu", isExclusive: false, count: 1 }] },
  ]);
  expect(await rows("select locks from builder where org_id = $1")).toEqual([
    { locks: [{ name: "db", isExclusive: true, count: 1 }] },
  ]);
});

it("keep their places when their counts shrink, and change with one access alone", async () => {
  const fewer = "[{type: MasterLock, name: db, maxCount: 3}, {type: WorkerLock, name: cpu}]";
  expect((await apply(text(fewer))).changed).toEqual(["lock db", "lock cpu"]);
  expect(
    await rows("select name, max_count, places from lock where org_id = $1 order by name"),
  ).toEqual([
    { name: "cpu", max_count: 1, places: 4 },
    { name: "db", max_count: 3, places: 3 },
  ]);
  expect((await apply(text(fewer, "[cpu]", "[db]"))).changed).toEqual(["builder lb"]);
  expect((await apply(text(fewer, "[]", "[db]"))).changed).toEqual(["worker lw"]);
});

it("cannot go while a document names them, and go when none does", async () => {
  const only = "[{type: WorkerLock, name: cpu}]";
  await expect(
    server.db.within({ orgId }, (tx) =>
      applyConfig(
        tx,
        orgId,
        { organization: { workers: [{ type: "LocalWorker", name: "lw" }] }, projects: {} },
        { author: "ada", sealingKey: KEY },
      ),
    ),
  ).rejects.toThrow(ConfigInvalid);
  expect((await apply(text(only, "[cpu]", "[]"))).removed).toEqual(["lock db"]);
  const gone = await rows("select name from lock where org_id = $1 and removed_at is null");
  expect(gone).toEqual([{ name: "cpu" }]);
});
