/** Which branches and tags of a repository are followed. */
import { compileGlob, isGlob } from "../../domain/patterns";
import type { GitPollerOptions } from "./schema";

export interface Remote {
  /** Full names, `refs/heads/main`, to commits. */
  readonly refs: ReadonlyMap<string, string>;
  /** What its HEAD stands for; null: nothing, or a commit alone. */
  readonly head: string | null;
}

/** Names hold neither spaces nor control characters: what does not look like that is left out. */
const LINE = /^([0-9a-f]{40,64})\t(refs\/[^\s\p{C}~^:?*[\\]+)(\^\{\})?$/u;
const HEAD = /^ref: (refs\/[^\s\p{C}]+)\tHEAD$/u;

/** What `git ls-remote --symref` prints. */
export function parseRemote(output: string): Remote {
  const refs = new Map<string, string>();
  let head: string | null = null;
  for (const line of output.split("\n")) {
    const [, commit, name] = LINE.exec(line) ?? [];
    // A tag's own object comes first, then, with ^{}, the commit that it names.
    if (commit !== undefined && name !== undefined) refs.set(name, commit);
    head ??= HEAD.exec(line)?.[1] ?? null;
  }
  return { refs, head };
}

export interface Followed {
  readonly names: readonly string[];
  /** Names that are asked for and are not there. */
  readonly missing: readonly string[];
}

export function followedRefs(
  { branches, branch, only_tags: onlyTags }: GitPollerOptions,
  { refs, head }: Remote,
): Followed {
  const all = [...refs.keys()];
  const below = (prefix: string) => all.filter((name) => name.startsWith(prefix));
  if (onlyTags) return { names: below("refs/tags/"), missing: [] };
  const wanted = branch ?? branches;
  if (wanted === true) return { names: below("refs/heads/"), missing: [] };
  if (wanted === undefined) {
    return head !== null && refs.has(head)
      ? { names: [head], missing: [] }
      : { names: [], missing: [head ?? "HEAD"].map(branchName) };
  }
  const names = new Set<string>();
  const missing: string[] = [];
  for (const pattern of [wanted].flat()) {
    const full = pattern.startsWith("refs/") ? pattern : `refs/heads/${pattern}`;
    if (isGlob(full)) {
      const glob = compileGlob(full);
      for (const name of all) if (glob.matchesAll(name)) names.add(name);
    } else if (refs.has(full)) names.add(full);
    else missing.push(pattern);
  }
  return { names: [...names], missing };
}

/** As changes and builds name it. */
export function branchName(ref: string): string {
  return ref.replace(/^refs\/heads\//, "");
}
