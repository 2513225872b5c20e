// Guarantee: an activation takes as many statements for hundreds of workers, builders, pairs,
// schedulers, sources and secrets as for a few, at first as after every kind of change.
import { afterAll, beforeAll, expect, it } from "vitest";
import { activateText } from "../../../../server/config";
import type { OrgId } from "../../../../server/domain/ids";
import { type Installation, KEY, openInstallation } from "../rest/support";

let server: Installation;
beforeAll(async () => {
  server = await openInstallation();
});
afterAll(() => server.close());

/** What an organisation of `size` has of each kind; `variant` changes every one of them. */
function documentOf(size: number, variant: string): string {
  const each = <T>(make: (index: number) => T) => Array.from({ length: size }, (_, i) => make(i));
  return JSON.stringify({
    workers: each((i) => ({
      type: "Worker",
      name: `${variant === "renamed" ? "v" : "w"}${size}-${i}`,
      password: `password-${i}-${variant}`,
      properties: { variant },
    })),
    projects: Object.fromEntries(
      each((i) => [
        `p${i}`,
        {
          description: variant,
          change_source: { type: "GitPoller", repourl: `https://git.example.org/${variant}/${i}` },
          builders: [
            {
              name: `b${i}`,
              workernames: [0, 1, 2].map(
                (k) => `${variant === "renamed" ? "v" : "w"}${size}-${(i + k) % size}`,
              ),
              tags: [variant],
              factory: [{ type: "ShellCommand", command: ["echo", variant] }],
            },
          ],
          schedulers: [{ type: "ForceScheduler", name: `s${i}`, builderNames: [`b${i}`] }],
        },
      ]),
    ),
  });
}

async function statementsOf(orgId: OrgId, text: string): Promise<number> {
  let count = 0;
  await server.db.within({ orgId }, (tx) =>
    activateText(
      {
        rows(...query) {
          count += 1;
          return tx.rows(...query);
        },
      },
      orgId,
      text,
      { author: "ada", sealingKey: KEY, prune: true },
    ),
  );
  return count;
}

it("costs as many statements for 500 as for 10", async () => {
  const costs = [];
  for (const size of [10, 500]) {
    const [org] = await server.owner.rows<{ id: OrgId }>(
      "insert into organization (slug, name) values ($1, $1) returning id",
      [`size-${size}`],
    );
    const orgId = org?.id as OrgId;
    const cost: Record<string, number> = {};
    for (const [what, variant] of [
      ["first", "one"],
      ["same", "one"],
      ["changed", "two"],
      ["workers renamed", "renamed"],
    ] as const) {
      cost[what] = await statementsOf(orgId, documentOf(size, variant));
    }
    cost["all removed"] = await statementsOf(orgId, "{workers: []}");
    costs.push(cost);
  }
  expect(costs[1]).toEqual(costs[0]);
});
