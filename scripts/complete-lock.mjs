// Completes package-lock.json for platforms other than the one it was written on.
//
// A registry mirror may lack packages that only matter elsewhere (a macOS binary, say). npm then
// leaves them out of the lock, and `npm ci` refuses that lock ("Missing: x from lock file"). This
// adds an entry with name, version and platform for each such optional dependency: machines it does
// not concern skip it, machines it concerns fetch it from their registry.
//
// Run after every change of dependencies:  npm install && node scripts/complete-lock.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const SYSTEMS = ["android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "sunos", "aix"];
const SYSTEM_ALIASES = { windows: "win32", win32: "win32", openharmony: "openharmony" };
const PROCESSORS = ["arm64", "x64", "ia32", "arm", "riscv64", "ppc64", "s390x", "loong64"];
const PROCESSOR_ALIASES = { gnueabihf: "arm", musleabihf: "arm", wasm32: "wasm32" };

/** `os` and `cpu` as the words of a platform package's name tell them. */
function platformOf(name) {
  const words = name.split("/").pop().split("-");
  const pick = (known, aliases) =>
    words.map((word) => (known.includes(word) ? word : aliases[word])).find(Boolean);
  const os = pick(SYSTEMS, SYSTEM_ALIASES);
  const cpu = pick(PROCESSORS, PROCESSOR_ALIASES);
  return { ...(cpu && { cpu: [cpu] }), ...(os && { os: [os] }) };
}

/** Where Node would look for `name` from the package at `at`, nearest first. */
function places(at, name) {
  const found = [];
  for (let here = at; ; here = here.replace(/\/?node_modules\/(?:@[^/]+\/)?[^/]+$/, "")) {
    found.push(`${here ? `${here}/` : ""}node_modules/${name}`);
    if (!here) return found;
  }
}

/** Adds the missing entries to a parsed lock in place; returns their names. */
export function completeLock(lock) {
  const added = [];
  for (const [at, entry] of Object.entries(lock.packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      if (places(at, name).some((place) => lock.packages[place])) continue;
      lock.packages[`node_modules/${name}`] = {
        version: range.replace(/^[\^~]/, ""),
        ...(entry.dev && { dev: true }),
        optional: true,
        ...platformOf(name),
      };
      added.push(name);
    }
  }
  lock.packages = Object.fromEntries(
    Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  return added;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const file = process.argv[2] ?? "package-lock.json";
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const added = completeLock(lock);
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
  for (const name of added) console.log(`added ${name}`);
  console.log(`${added.length} entries added`);
}
