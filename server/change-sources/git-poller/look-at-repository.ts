/** Looks at a repository that a person names: is it one, which branches, what lies in its root. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RepositoryAnswer, repositoryProblem } from "../../domain/git";
import { SourceProblem } from "../contract";
import { type Access, type Credentials, openAccess } from "./access";
import { branchName, parseRemote } from "./refs";
import { createGit } from "./run-git";

export interface RepositoryQuestion {
  readonly repourl: string;
  /** Whose files are looked at; null: the default branch's. */
  readonly branch: string | null;
  readonly credentials: Credentials;
}

const MAX_BRANCHES = 500;
const MAX_FILES = 500;
const LIST_MS = 20_000;
const FETCH_MS = 20_000;
const LIMITS = { outputBytes: 8 * 1024 ** 2, diskBytes: 64 * 1024 ** 2 };

/** Never rejects for what a repository or its server does. */
export async function lookAtRepository(
  question: RepositoryQuestion,
  { isHosted }: { readonly isHosted: boolean },
): Promise<RepositoryAnswer> {
  const directory = await mkdtemp(join(tmpdir(), "slipway-look-"));
  try {
    const access = await openAccess(question.repourl, question.credentials, {
      directory,
      isHosted,
    });
    return await look(directory, access, question);
  } catch (error) {
    if (!(error instanceof SourceProblem)) throw error;
    const isAsked = error.problem === "asks-password" && question.credentials.password;
    return {
      kind: "refused",
      problem: isAsked ? "refuses-password" : error.problem,
      detail: error.message,
      redirectedTo:
        error.problem === "redirects" ? await whereTo(question.repourl, isHosted) : null,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function look(
  directory: string,
  access: Access,
  question: RepositoryQuestion,
): Promise<RepositoryAnswer> {
  const { repourl } = question;
  const own = join(directory, "look.git");
  await mkdir(own);
  const git = (withinMs: number) =>
    createGit(own, {
      ...access,
      stop: AbortSignal.timeout(withinMs),
      limits: LIMITS,
      about: { url: repourl, ...access },
    });
  const listed = await git(LIST_MS)([
    "ls-remote",
    "--symref",
    "--",
    repourl,
    "HEAD",
    "refs/heads/*",
  ]);
  const { refs, head } = parseRemote(listed.toString("utf8"));
  const all = [...refs.keys()].map(branchName);
  const branches = all.slice(0, MAX_BRANCHES);
  const defaultBranch = head !== null && refs.has(head) ? branchName(head) : null;
  if (defaultBranch !== null && !branches.includes(defaultBranch)) branches.unshift(defaultBranch);
  const branch = question.branch ?? defaultBranch ?? all[0];
  const seen =
    branch !== undefined && all.includes(branch)
      ? await filesOf(git(FETCH_MS), repourl, branch)
      : { files: null, filesProblem: null };
  return { kind: "found", branches, isCut: all.length > branches.length, defaultBranch, ...seen };
}

/** The newest commit's trees only, where the server can leave the rest out. */
async function filesOf(git: ReturnType<typeof createGit>, repourl: string, branch: string) {
  try {
    await git(["init", "--quiet", "--bare", "."]);
    await git([
      ...["-c", "gc.auto=0", "fetch", "--quiet", "--depth=1", "--no-tags", "--filter=blob:none"],
      ...["--", repourl, `refs/heads/${branch}`],
    ]);
    const tree = await git(["ls-tree", "-z", "--name-only", "FETCH_HEAD"]);
    const files = tree.toString("utf8").split("\0");
    return { files: files.filter(Boolean).slice(0, MAX_FILES), filesProblem: null };
  } catch (error) {
    if (!(error instanceof SourceProblem)) throw error;
    return { files: null, filesProblem: error.message };
  }
}

/** Where the server sends whoever asks for its branches; null when that may not be told. */
async function whereTo(repourl: string, isHosted: boolean): Promise<string | null> {
  // Git is held to an address that was looked at; this would not be.
  if (isHosted) return null;
  try {
    const base = repourl.replace(/\/+$/, "");
    const { headers, body } = await fetch(`${base}/info/refs?service=git-upload-pack`, {
      redirect: "manual",
      signal: AbortSignal.timeout(LIST_MS),
    });
    await body?.cancel();
    const location = headers.get("location");
    if (location === null) return null;
    const to = new URL(location, repourl).href.replace(/\/info\/refs(\?.*)?$/, "");
    return repositoryProblem(to) === null ? to : null;
  } catch {
    return null;
  }
}
