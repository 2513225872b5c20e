/** Workers, builders, builds and requests as rows, for tests of what pages read of them. */
import type { OrgScope } from "../../server/api/trpc";
import { orgDatabase } from "../../server/db/org-database";
import { type Database, only, openDatabase } from "../../server/db/pool";
import type { OrgId, UserId } from "../../server/domain/ids";
import { createTestDatabase } from "./database";

export interface FleetRows {
  readonly owner: Database;
  /** As a member of that organisation's pages sees it. */
  scope(orgId: number): OrgScope;
  /** `columns` and `values` continue the statement. */
  addWorker(name: string, columns?: string, values?: string): Promise<number>;
  addBuilder(name: string, workers: readonly number[]): Promise<number>;
  /** `times` are SQL for when it started and when it ended. */
  addBuild(build: {
    worker: number;
    builder?: number;
    number: number;
    times: string;
    result: number | null;
  }): Promise<void>;
  addRequest(builder: number, priority?: number): Promise<number>;
  end(): Promise<void>;
}

/** Organisations 1, `own`, which everything belongs to, and 2, `other`. */
export async function createFleetRows(): Promise<FleetRows> {
  const database = await createTestDatabase();
  const { url } = database;
  const onError = () => {};
  const owner = openDatabase({ url, max: 2, name: "test", onError });
  const web = openDatabase({ url, max: 2, name: "test-web", role: "slipway_web", onError });
  await owner.rows(
    "insert into organization (id, slug, name) values (1, 'own', 'own'), (2, 'other', 'other')",
  );
  const insert = async (text: string, values: readonly unknown[]) =>
    only(await owner.rows<{ id: number }>(`insert into ${text} returning id`, values)).id;
  const db = orgDatabase(web);
  return {
    owner,
    scope(orgId) {
      const key = { orgId: orgId as OrgId, userId: 1 as UserId };
      return { orgId: key.orgId, within: (work) => db.within(key, work) } as OrgScope;
    },
    addWorker: (name, columns = "", values = "") =>
      insert(
        `worker (org_id, name, login_name, kind, config ${columns}) values (1, $1, $1, 'Worker', '{}' ${values})`,
        [name],
      ),
    async addBuilder(name, workers) {
      const id = await insert("builder (org_id, name, builddir, tags) values (1, $1, $1, '{}')", [
        name,
      ]);
      for (const worker of workers)
        await owner.rows("insert into builder_worker values (1, $1, $2)", [id, worker]);
      return id;
    },
    async addBuild({ worker, builder = 1, number, times, result }) {
      await owner.transaction(async (tx) => {
        // Nothing else of what a build hangs on matters to these readers.
        await tx.rows("set local session_replication_role = replica");
        await tx.rows(
          `insert into build (org_id, builder_id, number, build_request_id, worker_id, worker_slot, builder_config_id,
             owner_id, state, result, state_string, created_at, started_at, complete_at)
           values (1, $2, $3::int, $3::int, $1, $3::int, 1, 1, $4, $5, 'x', now() - interval '3 days', ${times})`,
          [worker, builder, number, result === null ? "running" : "finished", result],
        );
      });
    },
    async addRequest(builder, priority = 0) {
      const set = await insert(
        "buildset (org_id, reason, scheduler, properties, open_requests) values (1, 'x', 'x', '{}', 1)",
        [],
      );
      return insert(
        "build_request (org_id, buildset_id, builder_id, state, priority) values (1, $1, $2, 'pending', $3)",
        [set, builder, priority],
      );
    },
    async end() {
      await web.end();
      await owner.end();
      await database.drop();
    },
  };
}
