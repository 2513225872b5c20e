import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout: nearest folder above `from` with a package.json, for sources and bundles alike. */
export function projectRoot(from: string = fileURLToPath(import.meta.url)): string {
  for (let here = dirname(from); ; here = dirname(here)) {
    if (existsSync(join(here, "package.json"))) return here;
    if (here === dirname(here)) throw new Error(`no package.json above ${from}`);
  }
}
