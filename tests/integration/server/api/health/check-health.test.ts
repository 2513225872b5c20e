// Guarantees: health names what is missing, and answers even when the database accepts connections
// and says nothing at all.

import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { createHealthCheck } from "../../../../../server/api/health/check-health";
import { orgDatabase } from "../../../../../server/db/org-database";
import { openDatabase } from "../../../../../server/db/pool";
import { openInstallation } from "../../rest/support";

const deps = { queueAnswers: async () => true, patienceMs: 5_000 };

it("is ok when a process of each kind holds its lease", async () => {
  const server = await openInstallation();
  try {
    const check = createHealthCheck({ ...deps, db: server.db });
    const start = (kind: string, lease: string) =>
      server.owner.rows(
        `insert into process (kind, host, pid, lease_expires_at) values ($1, 'h', 1, now() + $2::interval)`,
        [kind, lease],
      );
    await start("web", "1 hour");
    await start("jobs", "1 hour");
    await start("socket", "-1 second");
    expect(await check()).toEqual({
      status: "unavailable",
      missing: ["socket process"],
      warnings: [],
      processes: { web: 1, jobs: 1 },
    });
    await start("socket", "1 hour");
    expect(await check()).toMatchObject({ status: "ok", missing: [] });
    // One that will not go, in an organisation that nobody is signed in to.
    await server.owner.rows(
      `insert into instance (org_id, worker_id, driver, key, state, reason, stop_tries, stopping_at)
       values (1, 1, 'FakeLatentWorker', 'k', 'stopping', 'r', 3, now() - interval '16 minutes'),
         (1, 1, 'FakeLatentWorker', 'l', 'stopping', 'r', 3, now() - interval '14 minutes')`,
    );
    expect(await check()).toMatchObject({
      status: "ok",
      warnings: ["1 machines of latent workers cannot be stopped"],
    });
    const withoutQueue = createHealthCheck({
      ...deps,
      db: server.db,
      queueAnswers: async () => false,
    });
    expect(await withoutQueue()).toMatchObject({ status: "unavailable", missing: ["queue"] });
  } finally {
    await server.close();
  }
});

it("answers although the database does not", async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await new Promise((resolve) => silent.once("listening", resolve));
  const { port } = silent.address() as AddressInfo;
  const url = `postgresql://x@127.0.0.1:${port}/x`;
  const database = openDatabase({ url, max: 3, name: "test", onError: () => {} });
  const check = createHealthCheck({ ...deps, db: orgDatabase(database), patienceMs: 100 });
  const answers = await Promise.all([check(), check(), check(), check()]);
  for (const answer of answers) {
    expect(answer).toEqual({
      status: "unavailable",
      missing: ["database"],
      warnings: [],
      processes: null,
    });
  }
  expect(sockets).toHaveLength(1);
  for (const socket of sockets) socket.destroy();
  silent.close();
  await database.end();
});
