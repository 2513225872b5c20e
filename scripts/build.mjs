// Builds what `npm start` runs: the Prisma client, the programs in .dist, the pages in .next.
// Each only when its sources changed. `npm run build -- --force` builds all of it.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { fingerprint, once } from "./fingerprint.mjs";
import { inTurn } from "./in-turn.mjs";
import { checkNode, ensurePackages } from "./install.mjs";
import { fail, must, root, say, tool, toolEnv } from "./run.mjs";

/** Bundle in .dist: its first source file. */
export const PROGRAMS = {
  all: "server/processes/all.ts",
  web: "server/processes/web.ts",
  socket: "server/processes/socket.ts",
  jobs: "server/processes/jobs.ts",
  cli: "server/processes/cli.ts",
  worker: "workers-runtime/cli/index.ts",
  // Not a program: what `npm test` needs to start a database of its own.
  embedded: "server/db/embedded/index.ts",
};

const PRISMA_SOURCES = ["prisma/schema.prisma", ".config/prisma.ts"];
const PROGRAM_SOURCES = ["server", "workers-runtime", "tsconfig.json", "scripts/build.mjs"];
const WEB_SOURCES = [
  "app",
  "public",
  "server",
  "next.config.ts",
  "tsconfig.json",
  ".postcssrc.json",
];

/** The TypeScript client that `server/db` imports. */
export function ensurePrismaClient() {
  return once("prisma", fingerprint(PRISMA_SOURCES), "server/db/prisma/client.ts", () =>
    must("prisma generate", tool("prisma"), ["generate"]),
  );
}

/** How esbuild bundles the programs that run beside their packages. */
export function bundleOptions() {
  return { ...common(), entryPoints: sources((name) => name !== "worker") };
}

/**
 * The worker alone, with the packages it uses: one file that can be copied to any machine. They were
 * written for `require`, which a module has to make for them; helpers in C they do without.
 */
export function workerBundleOptions() {
  return {
    ...common(),
    entryPoints: sources((name) => name === "worker"),
    packages: "bundle",
    external: ["bufferutil", "utf-8-validate"],
    minifyWhitespace: true,
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  };
}

function sources(isWanted) {
  const isThere = ([name, source]) => isWanted(name) && existsSync(join(root, source));
  return Object.fromEntries(Object.entries(PROGRAMS).filter(isThere));
}

function common() {
  return {
    absWorkingDir: root,
    outdir: ".dist",
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: true,
    logLevel: "warning",
  };
}

async function ensurePrograms() {
  const all = Object.keys(sources(() => true));
  const mark = `${fingerprint([...PROGRAM_SOURCES, ...PRISMA_SOURCES])} ${all}`;
  return once("programs", mark, `.dist/${all[0]}.js`, async () => {
    const { build, stop } = await import("esbuild");
    say(`building ${all.join(", ")}`);
    await Promise.all([build(bundleOptions()), build(workerBundleOptions())]);
    // Its service would live as long as the supervisor does.
    await stop();
  });
}

async function ensurePages() {
  const hasPages = ["app", "app/[org]"].some(
    (folder) =>
      existsSync(join(root, folder)) && readdirSync(join(root, folder)).includes("layout.tsx"),
  );
  if (!hasPages) return false;
  const sources = [...WEB_SOURCES, ...PRISMA_SOURCES];
  return once("pages", fingerprint(sources), ".next/BUILD_ID", async () => {
    say("building the pages (about 15 seconds)");
    // A build that is interrupted must not look complete.
    rmSync(join(root, ".next/BUILD_ID"), { force: true });
    const env = { ...toolEnv, NODE_ENV: "production" };
    await must("next build", tool("next"), ["build"], { env });
  });
}

/** Everything that is stale; returns whether anything was. */
export async function ensureBuilt({ withPages = true } = {}) {
  const done = [await ensurePrismaClient(), await ensurePrograms()];
  if (withPages) done.push(await ensurePages());
  return done.includes(true);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    checkNode();
    await inTurn(async () => {
      if (process.argv.includes("--force")) {
        rmSync(join(root, ".dist/stamps.json"), { force: true });
      }
      await ensurePackages({ withDev: false });
      say((await ensureBuilt()) ? "built" : "everything is built already");
    });
  } catch (error) {
    fail(error);
  }
}
