// `npm run prisma -- migrate dev --name what_changed`: Prisma's command line, offline, for those who
// change the schema. Without DATABASE_URL it works on a throwaway database.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt } from "./build.mjs";
import { inTurn } from "./in-turn.mjs";
import { ensurePackages } from "./install.mjs";
import { fail, root, run, tool, toolEnv } from "./run.mjs";

async function startThrowaway() {
  const { startEmbedded } = await import(pathToFileURL(join(root, ".dist/embedded.js")).href);
  const dataDir = mkdtempSync(join(tmpdir(), "slipway-prisma-"));
  const server = await startEmbedded({ dataDir, isThrowaway: true });
  const stop = async () => {
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { url: server.url, stop };
}

try {
  await inTurn(async () => {
    await ensurePackages({ withDev: true });
    await ensureBuilt({ withPages: false });
  });
  const given = process.env.DATABASE_URL;
  const database = given ? { url: given, stop: async () => {} } : await startThrowaway();
  // Ctrl-C reaches Prisma as well, which then ends; the database is stopped after it.
  process.on("SIGINT", () => {});
  const { status } = await run(tool("prisma"), process.argv.slice(2), {
    stdio: "inherit",
    env: {
      ...toolEnv,
      DATABASE_URL: database.url,
      PRISMA_SCHEMA_ENGINE_BINARY: join(root, "prisma/engine-shim.mjs"),
    },
  });
  await database.stop();
  process.exitCode = status;
} catch (error) {
  fail(error);
}
