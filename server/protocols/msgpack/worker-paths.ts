/**
 * Paths as a worker spells them: over msgpack the master joins them (protocol §4.1).
 *
 * Joined as Python joins, without tidying: `a/../b` is not `b` where `a` is a link.
 */
import { posix, win32 } from "node:path";
import type { WorkerFacts } from "../../domain/wire";

const DRIVE = /^[a-z]:/i;

export class WorkerPaths {
  readonly isPosix: boolean;
  readonly #basedir: string;
  readonly #home: string | null;

  constructor(facts: WorkerFacts) {
    this.isPosix = facts.system !== "nt";
    this.#basedir = facts.basedir;
    this.#home = homeOf(facts.environ, this.isPosix);
  }

  get basedir(): string {
    if (this.#basedir === "") throw new Error("the worker does not tell its base directory");
    return this.#basedir;
  }

  /** Below the base directory, unless one of the names is absolute. */
  join(...names: readonly string[]): string {
    return names.reduce((base, name) => this.#join(base, name), this.basedir);
  }

  /** `~` at the front as the worker's own home. Other people's homes are known to the worker only. */
  expand(path: string): string {
    if (this.#home === null || !/^~($|[/\\])/.test(path)) return path;
    if (this.isPosix && path.startsWith("~\\")) return path;
    return this.#home + path.slice(1);
  }

  #join(base: string, name: string): string {
    if (name === "") return base;
    if (this.isPosix) {
      if (posix.isAbsolute(name)) return name;
      return base.endsWith("/") ? base + name : `${base}/${name}`;
    }
    if (DRIVE.test(name)) return name;
    // From the root, on the drive of the base.
    if (win32.isAbsolute(name)) return /^[/\\]{2}/.test(name) ? name : driveOf(base) + name;
    return /[/\\]$/.test(base) ? base + name : `${base}\\${name}`;
  }
}

function driveOf(path: string): string {
  return DRIVE.test(path) ? path.slice(0, 2) : "";
}

function homeOf(environ: Readonly<Record<string, string>>, isPosix: boolean): string | null {
  const of = (name: string) => (Object.hasOwn(environ, name) ? (environ[name] ?? "") : "");
  if (isPosix) return of("HOME").replace(/(.)\/+$/, "$1") || null;
  return of("USERPROFILE") || of("HOMEDRIVE") + of("HOMEPATH") || null;
}
