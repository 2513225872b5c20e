/** A real repository on disk that a test commits to, with git's own plumbing for what is odd. */
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const PERSON = {
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Bob",
  GIT_COMMITTER_EMAIL: "bob@example.org",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
};

export interface GitRepository {
  /** Bare: what is polled and cloned. */
  readonly path: string;
  git(...args: string[]): Promise<string>;
  /** Writes a file and commits it. @returns the commit's id */
  commit(branch: string, file: string, message?: string, date?: string): Promise<string>;
  /** A commit object of these very bytes, put on a branch. */
  rawCommit(branch: string, body: Buffer): Promise<string>;
  close(): Promise<void>;
}

export async function createGitRepository(): Promise<GitRepository> {
  const path = await mkdtemp(join(tmpdir(), "slipway-git-"));
  const env = { ...process.env, ...PERSON, HOME: path };
  const git = async (...args: string[]) =>
    (await run("git", args, { cwd: path, env, maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
  const feed = (args: string[], input: Buffer | string, more: Record<string, string> = {}) =>
    new Promise<string>((resolve, reject) => {
      const child = spawn("git", args, { cwd: path, env: { ...env, ...more } });
      let output = "";
      child.stdout.on("data", (data: Buffer) => {
        output += data.toString();
      });
      child.once("error", reject);
      child.once("close", (code) =>
        code === 0 ? resolve(output.trim()) : reject(new Error(`git ${args[0]}: ${code}`)),
      );
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  const headOf = (branch: string) =>
    git("rev-parse", "--verify", "--quiet", `refs/heads/${branch}`).catch(() => "");
  await git("init", "--quiet", "--bare", "--initial-branch=main", ".");

  let count = 0;
  return {
    path,
    git,
    async commit(branch, file, message = `change ${file}`, date = "2026-01-02T03:04:05Z") {
      const index = join(path, `index-${count}`);
      count += 1;
      const parent = await headOf(branch);
      const blob = await feed(["hash-object", "-w", "--stdin"], `${count}\n`);
      if (parent)
        await run("git", ["read-tree", parent], {
          cwd: path,
          env: { ...env, GIT_INDEX_FILE: index },
        });
      await feed(["update-index", "-z", "--index-info"], `100644 ${blob}\t${file}\0`, {
        GIT_INDEX_FILE: index,
      });
      const tree = await feed(["write-tree"], "", { GIT_INDEX_FILE: index });
      const commit = await feed(
        ["commit-tree", tree, ...(parent ? ["-p", parent] : []), "-F", "-"],
        message,
        { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date },
      );
      await git("update-ref", `refs/heads/${branch}`, commit);
      await rm(index, { force: true });
      return commit;
    },
    async rawCommit(branch, body) {
      const id = await feed(["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], body);
      await writeFile(join(path, "refs", "heads", branch), `${id}\n`);
      return id;
    },
    close: () => rm(path, { recursive: true, force: true }),
  };
}
