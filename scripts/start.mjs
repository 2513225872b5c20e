// `npm start`: installs and builds what is missing or stale, then becomes the supervisor.
// `npm run dev` (--dev): the same, and starts anew whenever a source of the server changes.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundleOptions, ensureBuilt, workerBundleOptions } from "./build.mjs";
import { inTurn } from "./in-turn.mjs";
import { checkNode, ensurePackages } from "./install.mjs";
import { fail, root, say } from "./run.mjs";

const isDev = process.argv.includes("--dev");
const supervisor = join(root, ".dist/all.js");

try {
  checkNode();
  process.chdir(root);
  const stopped = () => process.exit(130);
  process.once("SIGINT", stopped).once("SIGTERM", stopped);
  await inTurn(async () => {
    await ensurePackages({ withDev: isDev });
    // In development Next.js compiles pages as they are asked for.
    await ensureBuilt({ withPages: !isDev });
  });
  process.off("SIGINT", stopped).off("SIGTERM", stopped);
  if (isDev) await watch();
  else await serve();
} catch (error) {
  fail(error);
}

/** In this very process: signals, exit status and terminal are the supervisor's own. */
async function serve() {
  process.setSourceMapsEnabled(true);
  process.env.NODE_ENV ??= "production";
  await import(pathToFileURL(supervisor).href);
}

/**
 * Rebuilds on every change and runs the supervisor as a child, one life per build. The embedded
 * database stops and starts with it, which takes a fraction of a second.
 */
async function watch() {
  const { context } = await import("esbuild");
  let child = null;
  let isStopping = false;
  let turn = Promise.resolve();

  const end = () =>
    new Promise((resolve) => {
      if (child === null) return resolve();
      child.once("exit", resolve);
      child.kill("SIGTERM");
    });
  const begin = () => {
    child = spawn(process.execPath, ["--enable-source-maps", supervisor], {
      cwd: root,
      stdio: "inherit",
      env: { ...process.env, NODE_ENV: "development" },
    });
    child.once("exit", (status) => {
      child = null;
      if (isStopping) process.exit(status ?? 0);
    });
  };
  const restart = async () => {
    await end();
    if (!isStopping) begin();
  };
  const onEnd = ({ errors }) => {
    if (errors.length > 0) return;
    say("built; starting");
    turn = turn.then(restart);
  };
  const plugins = [{ name: "restart", setup: (build) => build.onEnd(onEnd) }];
  const watcher = await context({ ...bundleOptions(), plugins });
  // Built anew as well; local workers are started with it at the next change of the server.
  const workerWatcher = await context(workerBundleOptions());
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => {
      isStopping = true;
      void watcher.dispose();
      void workerWatcher.dispose();
      if (child === null) process.exit(0);
      child.kill(signal);
    });
  }
  await Promise.all([workerWatcher.watch(), watcher.watch()]);
}
