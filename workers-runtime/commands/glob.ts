/**
 * Files that match a pattern, as Python's `glob` with `recursive` understands it: `*` and `?` within a
 * name, `[...]`, `**` for any number of directories; names with a leading dot only when the pattern
 * has it too. Node's own arrived after the oldest Node we run on.
 */
import { lstat, readdir, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { type CommandContext, type Execute, pathOf } from "./context";

export const glob: Execute<{ readonly path: string }> = async ({ path }, context) => {
  const files = await findFiles(pathOf(context, path), context);
  context.batch.value({ key: "files", value: files });
  context.batch.value({ key: "rc", value: 0 });
};

const HAS_MAGIC = /[*?[]/;

async function findFiles(pattern: string, { stop }: CommandContext): Promise<string[]> {
  const parts = pattern.split("/").filter((part) => part !== "");
  let found = [isAbsolute(pattern) ? "/" : "."];
  for (const [index, part] of parts.entries()) {
    stop.throwIfAborted();
    const isLast = index === parts.length - 1;
    if (part === "**") found = await deepDirectories(found, isLast, stop);
    else if (!HAS_MAGIC.test(part)) found = await existing(found.map((dir) => join(dir, part)));
    else found = await matching(found, nameMatcher(part), part.startsWith("."));
  }
  return [...new Set(found)];
}

async function existing(paths: readonly string[]): Promise<string[]> {
  const checked = await Promise.all(
    paths.map((path) =>
      lstat(path).then(
        () => path,
        () => null,
      ),
    ),
  );
  return checked.filter((path) => path !== null);
}

async function matching(
  directories: readonly string[],
  matcher: RegExp,
  withHidden: boolean,
): Promise<string[]> {
  const found: string[] = [];
  for (const directory of directories) {
    for (const name of await namesIn(directory)) {
      if ((withHidden || !name.startsWith(".")) && matcher.test(name)) {
        found.push(join(directory, name));
      }
    }
  }
  return found;
}

/** The directories themselves and all below, with files too when nothing follows the `**`. */
async function deepDirectories(
  directories: readonly string[],
  withFiles: boolean,
  stop: AbortSignal,
): Promise<string[]> {
  const found: string[] = [];
  const open = [...directories].reverse();
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    stop.throwIfAborted();
    const told = await lstat(path).catch(() => null);
    // What is behind a link may lead back here, so a link is at most a result.
    const isLink = told?.isSymbolicLink() === true && !directories.includes(path);
    const isDirectory = !isLink && (await stat(path).catch(() => null))?.isDirectory() === true;
    if (told !== null && (isDirectory || withFiles)) found.push(path);
    if (!isDirectory) continue;
    const names = (await namesIn(path)).filter((name) => !name.startsWith("."));
    for (const name of names.reverse()) open.push(join(path, name));
  }
  return found;
}

async function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).then(
    (names) => names.sort(),
    () => [],
  );
}

/** `*`, `?`, `[abc]`, `[!abc]` of one name as a regular expression. */
export function nameMatcher(pattern: string): RegExp {
  let source = "";
  for (let index = 0; index < pattern.length; index++) {
    const character = pattern[index] as string;
    // A closing bracket right behind the opening one is a member.
    const end =
      character === "[" ? pattern.indexOf("]", index + (pattern[index + 1] === "!" ? 3 : 2)) : -1;
    if (character === "*") source += ".*";
    else if (character === "?") source += ".";
    else if (end > 0) {
      const isNegated = pattern[index + 1] === "!";
      const members = pattern.slice(index + (isNegated ? 2 : 1), end);
      source += `[${isNegated ? "^" : ""}${members.replace(/[\\\]^[]/g, "\\$&")}]`;
      index = end;
    } else source += character.replace(/[\\^$.|+(){}[\]]/g, "\\$&");
  }
  return new RegExp(`^${source}$`, "su");
}
