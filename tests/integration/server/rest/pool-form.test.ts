// Guarantee: what the form of a pool makes is the document's own pool: checked as a document is, hidden values
// as names of secrets, everything beside it as it was; and each kind's form has every option once.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiContext } from "../../../../server/api/context";
import {
  poolKinds,
  poolSettings,
  previewPool,
  savePool,
} from "../../../../server/api/pools/settings";
import type { OrgScope } from "../../../../server/api/trpc";
import { readConfig } from "../../../../server/config";
import type { OrgId } from "../../../../server/domain/ids";
import { type Installation, openInstallation } from "./support";

const POOLS = `# kept
workers: [{type: Worker, name: static, password: passpasspass}]
pools:
  - {name: deploy, worker: {type: Worker}, maxWorkers: 6, labels: [here]}
projects: {p: {builders: [{name: b, pools: [deploy], factory: []}]}}
`;

let server: Installation;
let org: OrgScope;
let ctx: ApiContext;
beforeAll(async () => {
  server = await openInstallation();
  const orgId = (await server.organization("main", POOLS)) as OrgId;
  org = {
    ...{ orgId, user: { email: "ada@example.org" }, caller: { orgId, actor: "ada" } },
    within: (work: never) => server.db.within({ orgId }, work),
  } as unknown as OrgScope;
  ctx = { runtime: { env: server.env, configChanged() {} } } as unknown as ApiContext;
});
afterAll(async () => {
  expect(server.faults).toEqual([]);
  await server.close();
});

type Options = Readonly<Record<string, unknown>>;
const input = (name: string, type: string, options: Options, poolId: number | null = null) => ({
  ...{ poolId, type, name },
  options: Object.entries(options).map(([key, value]) => ({ path: [key], value: value as never })),
});
const idOf = async (name: string) =>
  (await server.owner.rows<{ id: number }>("select id from pool where name = $1", [name]))[0]
    ?.id as number;

test("each kind has the pool's options and its own, each once", async () => {
  const { kinds, own } = await poolKinds(org);
  const types = kinds.map(({ type }) => type);
  expect(types).toContain("Worker");
  expect(types).toContain("DockerLatentWorker");
  expect(types).not.toContain("LocalWorker");
  for (const { type, schema } of kinds) {
    const names = Object.keys(schema.properties ?? {});
    expect(names, type).toEqual([...new Set(names)]);
    expect(names, type).toContain("maxWorkers");
    expect(names, type).not.toContain("password");
    expect(names.includes("idleTimeout"), type).toBe(type !== "Worker");
  }
  expect(own).toContain("weights");
  const docker = kinds.find(({ type }) => type === "DockerLatentWorker");
  expect(docker?.schema.properties).toHaveProperty("image");
});

test("what is wrong stands at its field, also of the workers, and against the other pools", async () => {
  const said = async (name: string, type: string, options: Options) =>
    (await previewPool(ctx, org, input(name, type, options))).problems;
  expect(await said("1x", "LocalLatentWorker", {})).toEqual([
    { path: ["name"], message: expect.stringContaining("is not a name of a pool") },
  ]);
  expect(await said("cloud", "DockerLatentWorker", { image: "x" })).toEqual([
    { path: ["docker_host"], message: expect.any(String) },
  ]);
  expect(await said("cloud", "LocalLatentWorker", { minIdle: 3, maxWorkers: 2 })).toEqual([
    { path: ["minIdle"], message: "is more than the pool may have (maxWorkers: 2)" },
  ]);
  expect((await said("deploy", "LocalLatentWorker", {}))[0]?.path).toEqual(["name"]);
  expect(await said("cloud", "LocalLatentWorker", { build_wait_timeout: 5 })).toEqual([
    { path: ["build_wait_timeout"], message: expect.stringContaining("idleTimeout") },
  ]);
});

test("saved beside the others, shown as it stands, and changed in its place", async () => {
  const options = { maxWorkers: 3, weights: { p: 2 }, properties: { os: "linux" } };
  const made = input("cloud", "LocalLatentWorker", options);
  expect((await previewPool(ctx, org, made)).yaml).toBe(
    "pools:\n  - name: cloud\n    worker:\n      type: LocalLatentWorker\n      properties:\n        os: linux\n    maxWorkers: 3\n    weights:\n      p: 2\n",
  );
  expect(await savePool(ctx, org, made)).toMatchObject({ isSaved: true });
  const id = await idOf("cloud");
  expect(await poolSettings(org, { poolId: id })).toEqual({ type: "LocalLatentWorker", options });
  expect(
    await savePool(ctx, org, input("ignored", "LocalLatentWorker", { maxWorkers: 4 }, id)),
  ).toEqual({ isSaved: true, poolId: id });
  const { documents } = await org.within((tx) => readConfig(tx, org.orgId));
  expect(documents.organization.pools).toEqual([
    { name: "deploy", worker: { type: "Worker" }, maxWorkers: 6, labels: ["here"] },
    { name: "cloud", worker: { type: "LocalLatentWorker" }, maxWorkers: 4 },
  ]);
  expect(documents.organization.workers).toHaveLength(1);
  expect(Object.keys(documents.projects)).toEqual(["p"]);
  expect(await savePool(ctx, org, input("cloud", "LocalLatentWorker", {}))).toMatchObject({
    isSaved: false,
  });
});

test("a hidden value of its machines becomes a secret's name", async () => {
  const tls = { ca: "CA", cert: "CERT", key: "KEY" };
  const options = { docker_host: "tcp://engine:2376", image: "x", tls };
  const { yaml } = await previewPool(ctx, org, input("boats", "DockerLatentWorker", options));
  expect(yaml).not.toContain("KEY");
  expect(yaml).toMatch(/key: ["']?%\(secret:/);
});
