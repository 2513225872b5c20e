/** A bare repository with one commit of these files on each of these branches, the first its default. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export function makeBareRepository(
  path: string,
  files: Readonly<Record<string, string>>,
  branches: readonly string[] = ["main"],
): void {
  const work = mkdtempSync(join(tmpdir(), "git-work-"));
  const git = (...args: string[]) =>
    execFileSync("git", args, {
      cwd: work,
      env: {
        PATH: process.env.PATH ?? "/usr/bin:/bin",
        HOME: work,
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_AUTHOR_NAME: "Ada Byron",
        GIT_AUTHOR_EMAIL: "ada@example.org",
        GIT_COMMITTER_NAME: "Ada Byron",
        GIT_COMMITTER_EMAIL: "ada@example.org",
      } as unknown as NodeJS.ProcessEnv,
      stdio: "pipe",
    });
  try {
    git("init", "--quiet", `--initial-branch=${branches[0] ?? "main"}`);
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(work, dirname(name)), { recursive: true });
      writeFileSync(join(work, name), text);
    }
    git("add", "--all");
    git("commit", "--quiet", "--allow-empty", "--message", "Everything there is");
    for (const branch of branches.slice(1)) git("branch", branch);
    git("clone", "--quiet", "--bare", work, path);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
