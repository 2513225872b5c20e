/**
 * The demo: a local worker, and a builder that checks out a real Git repository, tests and builds it.
 * Made once, in an organisation that has no configuration yet, with a first build asked for.
 */
import { chown, readdir } from "node:fs/promises";
import { join } from "node:path";
import { applyConfig, checkConfig, readConfig } from "../../config";
import type { Database, Queryable } from "../../db/pool";
import type { BuilderId, OrgId } from "../../domain/ids";
import { submitBuildset } from "../../engine/submit";
import type { ProcessEnv } from "../../env";
import { sealingKey } from "../../secrets/seal";
import type { LocalHome } from "./home";
import { isAnyDoorOpen } from "./local-workers";
import { hasGit, makeSampleRepository } from "./sample-repository";

const AUTHOR = "Slipway";

/** @returns a line for the operator, or null when there is nothing to say */
export async function ensureDemo(
  db: Database,
  env: ProcessEnv,
  home: LocalHome,
): Promise<string | null> {
  if (!env.withDemo || env.isHosted || !isAnyDoorOpen(env)) return null;
  const [org] = await db.rows<{ id: OrgId }>("select id from organization where slug = 'main'");
  if (!org) return null;
  const repository = join(home.folder, "harbour.git");
  const { revision, documents } = await readConfig(db, org.id);
  // Restored from a backup, say: the configuration builds a repository that is not there any more.
  const isWanted = JSON.stringify(documents).includes(JSON.stringify(repository).slice(1, -1));
  if (revision > 0 && !isWanted) return null;
  if (!(await hasGit())) return revision > 0 ? null : "no demo project: this host has no git";
  await makeSampleRepository(repository, (path) => give(path, home.account));
  if (revision > 0) return null;
  const made = await db.transaction((tx) => makeDemo(tx, env, org.id, repository));
  return made ? "made the demo project: a local worker builds a sample repository" : null;
}

async function makeDemo(
  tx: Queryable,
  env: ProcessEnv,
  orgId: OrgId,
  repository: string,
): Promise<boolean> {
  // Two starts at once: the second waits here and then finds a configuration.
  await tx.rows("select id from organization where id = $1 for update", [orgId]);
  if ((await readConfig(tx, orgId)).revision > 0) return false;
  const { errors, documents } = checkConfig(demoConfig(repository));
  if (errors.length > 0 || !documents) {
    throw new Error(`the demo's configuration is wrong: ${JSON.stringify(errors)}`);
  }
  await applyConfig(tx, orgId, documents, {
    author: AUTHOR,
    sealingKey: sealingKey(env.secretKey),
    isHosted: env.isHosted,
  });
  const [builder] = await tx.rows<{ id: BuilderId }>(
    "select id from builder where org_id = $1 and name = 'harbour'",
    [orgId],
  );
  if (!builder) throw new Error("the demo's builder was not made");
  await submitBuildset(tx, {
    orgId,
    builderIds: [builder.id],
    reason: "first start",
    owner: null,
    scheduler: "demo",
    properties: {},
    sourceStamps: [{ codebase: "", repository, branch: "main", revision: null, project: "demo" }],
    priority: 0,
    rebuiltBuildId: null,
    idempotencyKey: "demo-first-build",
    actor: AUTHOR,
  });
  return true;
}

function demoConfig(repository: string): string {
  return JSON.stringify({
    workers: [{ type: "LocalWorker", name: "local", max_builds: 2 }],
    projects: {
      demo: {
        description: "Builds a small sample repository on the worker that came with Slipway.",
        builders: [
          {
            name: "harbour",
            tags: ["demo"],
            workernames: ["local"],
            description: "Checks out the sample repository, runs its tests, builds its table.",
            factory: [
              { type: "Git", repourl: repository, mode: "full", logEnviron: false },
              {
                type: "ShellCommand",
                name: "history",
                command: ["git", "log", "--oneline", "--stat", "--color=always"],
                logEnviron: false,
              },
              {
                type: "ShellCommand",
                name: "test",
                command: ["node", "--test"],
                haltOnFailure: true,
                logEnviron: false,
              },
              {
                type: "ShellCommand",
                name: "build",
                command: ["node", "build.js"],
                logEnviron: false,
              },
            ],
          },
        ],
      },
    },
  });
}

async function give(path: string, { uid, gid }: LocalHome["account"]): Promise<void> {
  if (uid === undefined || gid === undefined) return;
  for (const entry of await readdir(path, { recursive: true })) {
    await chown(join(path, entry), uid, gid);
  }
  await chown(path, uid, gid);
}
