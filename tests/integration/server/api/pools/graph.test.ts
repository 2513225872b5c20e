// Guarantee: a pool's graph never shows more machines at a moment than there were.
import { afterAll, beforeAll, expect, test } from "vitest";
import { poolGraph } from "../../../../../server/api/pools/graph";
import { CALLER } from "../../../../support/engine-rig";
import { createPoolRig, type PoolRig } from "../../../../support/pool-rig";
import { type WebScopes, webScopes } from "../../../../support/web-scope";

let pools: PoolRig;
let web: WebScopes;
beforeAll(async () => {
  pools = await createPoolRig();
  web = webScopes(pools.rig.url);
});
afterAll(async () => {
  await web?.end();
  await pools?.close();
});

test("four machines that start, build and rest within minutes are four", async () => {
  const poolId = await pools.addPool("linux", { maxWorkers: 4 });
  const { db } = pools.rig;
  const moments = [
    [6, 4, 4, 0, 0],
    [2, 4, 0, 0, 4],
    [0, 0, 0, 4, 0],
  ];
  for (const [index, moment] of moments.entries()) {
    await db.rows(
      `insert into pool_sample (pool_id, at, org_id, queue, desired, starting, idle, busy)
       values ($1, date_bin('5 minutes', now(), 'epoch') - interval '5 minutes' + make_interval(secs => 15 * $2::int), $3, $4, $5, $6, $7, $8)`,
      [poolId, index, CALLER.orgId, ...moment],
    );
  }
  const { points } = await poolGraph(web.scope(CALLER.orgId), { poolId, hours: 24 });
  expect(points).toMatchObject([{ queue: 6, desired: 4, starting: 0, idle: 0, busy: 4 }]);
});
