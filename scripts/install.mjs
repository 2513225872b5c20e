import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { must, root, say } from "./run.mjs";

const MINIMUM = [20, 19];

/** @throws Error with one line when this Node.js is too old */
export function checkNode(version = process.versions.node) {
  const [major, minor] = version.split(".").map(Number);
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return;
  throw new Error(`Slipway needs Node.js ${MINIMUM.join(".")} or newer; this is ${version}`);
}

/**
 * Installs the packages of the lock file unless node_modules holds exactly them already.
 *
 * @param {boolean} withDev also those that only building tools and tests need
 */
export async function ensurePackages({ withDev }) {
  if (isInstalled(withDev)) return;
  say("installing packages (a minute or two at first)");
  // Scripts are not needed, and not running them spares a search for downloads that are not there.
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  if (withDev) args.push("--include=dev");
  const [command, first] = npm();
  await must("npm ci", command, [...first, ...args]);
  say("packages are installed");
}

/** npm records what it put into node_modules in a hidden lock file, last of all. */
function isInstalled(withDev) {
  const wanted = packagesIn("package-lock.json");
  const present = packagesIn("node_modules/.package-lock.json");
  return Object.entries(wanted).every(([at, entry]) => {
    if (at === "" || (entry.dev && !withDev)) return true;
    const found = present[at];
    return found ? found.version === entry.version : entry.optional || entry.devOptional;
  });
}

function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), "utf8")).packages ?? {};
  } catch {
    return {};
  }
}

/** The npm that called us, or the one beside this Node.js, before whatever PATH offers. */
function npm() {
  const caller = process.env.npm_execpath;
  if (caller?.endsWith("npm-cli.js")) return [process.execPath, [caller]];
  return process.platform === "win32"
    ? [join(dirname(process.execPath), "npm.cmd"), []]
    : ["npm", []];
}
