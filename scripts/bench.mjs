// `npm run bench`: builds what is stale, then measures. `npm run bench -- --help` says how.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { ensureBuilt } from "./build.mjs";
import { inTurn } from "./in-turn.mjs";
import { checkNode, ensurePackages } from "./install.mjs";
import { fail, root } from "./run.mjs";

const folder = ".slipway-bench/programs";

async function buildBench() {
  const { build, stop } = await import("esbuild");
  await build({
    absWorkingDir: root,
    entryPoints: { main: "tests/bench/main.ts", "null-master": "tests/bench/null-master.ts" },
    outdir: folder,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: true,
    logLevel: "warning",
  });
  await stop();
}

try {
  checkNode();
  if (!process.argv.includes("--help")) {
    await inTurn(async () => {
      await ensurePackages({ withDev: true });
      await ensureBuilt();
    });
  }
  await buildBench();
  const args = ["--enable-source-maps", join(root, folder, "main.js"), ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { stdio: "inherit" });
  // Ctrl-C reaches the whole group by itself; a signal to this process alone is passed on.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("exit", (status) => process.exit(status ?? 1));
} catch (error) {
  fail(error);
}
