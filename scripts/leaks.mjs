// Nothing of the place where this was written belongs into the repository: no registry mirror, no
// path of one machine, no key.
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./run.mjs";

const LEAKS = [
  [
    "an address of a package registry",
    /"resolved":|https?:\/\/([^\s"'`/]*(registry|pypi|npmjs)|[^\s"'`]*artifactory)/,
  ],
  ["a registry setting", /^\s*(@[\w-]+:)?registry\s*=/m],
  ["a path of one machine", /(?:^|[\s"'`(=:])\/(?:work|root|home\/\w+|Users\/\w+)\/[\w.]/m],
  ["a private key", /-----BEGIN (RSA |EC |OPENSSH )?PRIVATE KEY-----\n[A-Za-z0-9+/]/],
];

/** Recorded traffic, webhook bodies and this list itself are as they are. */
const EXEMPT = /^(tests\/fixtures\/|scripts\/leaks\.mjs$)/;

const LARGEST_TEXT = 2_000_000;

/** What of the list stands in a text. */
export function leaksIn(text) {
  return LEAKS.filter(([, pattern]) => pattern.test(text)).map(([what]) => what);
}

/** One line each: `file: what`. Empty where there is no Git to ask for the files. */
export async function findLeaks() {
  const { status, output } = await run("git", ["ls-files", "-z"]);
  if (status !== 0) return [];
  const problems = [];
  for (const file of output.split("\0").filter((name) => name && !EXEMPT.test(name))) {
    const full = join(root, file);
    const facts = statSync(full, { throwIfNoEntry: false });
    if (!facts?.isFile() || facts.size > LARGEST_TEXT) continue;
    for (const what of leaksIn(readFileSync(full, "utf8"))) problems.push(`${file}: holds ${what}`);
  }
  return problems;
}
