// Guarantees: every activation is a version with its text, author and what it changed; going back is
// a new version that means the passwords of now; of two people at one document the second is told,
// and at different documents neither is in the other's way (C-001, C-004).
import { afterAll, beforeAll, expect, it } from "vitest";
import {
  activateText,
  ConfigStale,
  checkAgainst,
  exportConfig,
  listVersions,
  readConfig,
  rollBack,
} from "../../../../server/config";
import type { OrgId } from "../../../../server/domain/ids";
import { type Installation, KEY, openInstallation } from "../rest/support";

let server: Installation;
beforeAll(async () => {
  server = await openInstallation();
});
afterAll(() => server.close());

const OPTIONS = { author: "ada", sealingKey: KEY };
const activate = (orgId: OrgId, text: string, more: object = {}) =>
  server.db.within({ orgId }, (tx) => activateText(tx, orgId, text, { ...OPTIONS, ...more }));
const exported = (orgId: OrgId) => server.db.within({ orgId }, (tx) => exportConfig(tx, orgId));
const versions = (orgId: OrgId, document: Parameters<typeof listVersions>[2] = null) =>
  server.db.within({ orgId }, (tx) => listVersions(tx, orgId, document));

const FILE = (name: string) => `# ours
workers:
  - {type: Worker, name: ${name}, password: first-password}
projects:
  a:
    # why
    builders:
      - {name: ${name}-a, workername: ${name}, factory: []}
  b:
    description: second
`;

it("keeps text, author and one line about each change, and goes back to any", async () => {
  const orgId = await server.organization("history", FILE("h"));
  expect(await exported(orgId)).toContain("    # why\n    builders:\n");
  await activate(orgId, "# new reason\nbuilders: []\n", {
    target: { project: "a" },
    comment: "no more",
  });
  const [newest, first] = await versions(orgId, { project: "a" });
  expect(newest).toMatchObject({
    number: 2,
    author: "ada",
    summary: "removed builder h-a",
    comment: "no more",
    isNewest: true,
  });
  expect(first).toMatchObject({ number: 1, summary: "first version", isNewest: false });
  const back = await server.db.within({ orgId }, (tx) =>
    rollBack(tx, orgId, first?.id as number, OPTIONS),
  );
  expect(back.added).toEqual(["builder h-a"]);
  expect((await versions(orgId, { project: "a" }))[0]).toMatchObject({
    number: 3,
    comment: "back to version 1",
  });
  expect(await exported(orgId)).toContain("    # why\n    builders:\n");
  expect(await exported(orgId)).not.toContain("first-password");
});

it("a changed comment is a version, the same text is none", async () => {
  const orgId = await server.organization("comments", FILE("c"));
  const before = (await versions(orgId)).length;
  await activate(orgId, FILE("c"));
  expect((await versions(orgId)).length).toBe(before);
  await activate(orgId, FILE("c").replace("# ours", "# theirs"));
  const [newest] = await versions(orgId);
  expect(newest).toMatchObject({ project: null, summary: "comments and layout" });
});

it("two people: one document collides and says who, two documents do not", async () => {
  const orgId = await server.organization("people", FILE("p"));
  const { revision } = await server.db.within({ orgId }, (tx) => readConfig(tx, orgId));
  const file = await exported(orgId);
  const whole = { base: revision, prune: true, isWhole: true };
  await activate(orgId, "description: changed by ben\n", {
    ...whole,
    prune: false,
    target: { project: "b" },
    author: "ben",
  });
  await activate(orgId, "description: third\n", { author: "ben", target: { project: "late" } });

  await activate(orgId, file.replace("# why", "# because"), whole);
  const now = await exported(orgId);
  expect(now).toContain("changed by ben");
  expect(now).toContain("# because");
  expect(now).toContain("third");

  const late = activate(orgId, file.replace("second", "changed by ada"), whole);
  await expect(late).rejects.toBeInstanceOf(ConfigStale);
  await expect(late).rejects.toThrow(/project b has version 2 now, by ben/);
  expect(await exported(orgId)).toBe(now);
});

it("a secret that is not there is a warning, at its place", async () => {
  const orgId = await server.organization("warned", "properties: {}");
  const text = 'workers:\n  - {type: Worker, name: warned, password: "%(secret:none/yet)s"}\n';
  const judged = await server.db.within({ orgId }, (tx) => checkAgainst(tx, orgId, text, {}));
  const warning = {
    line: 2,
    path: "workers[0].password",
    message: expect.stringContaining('no secret "none/yet"'),
  };
  expect(judged).toMatchObject({ errors: [], warnings: [warning] });
  expect((await activate(orgId, text)).warnings).toMatchObject([warning]);
});
