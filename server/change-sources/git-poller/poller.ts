/**
 * GitPoller (CORE §9). A bare, partial copy of the repository on this host tells which commits of
 * the followed branches are new: not reachable from any head that was known before. One change for
 * each, oldest first. The first look only writes the heads down.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Change, newChange } from "../../domain/changes";
import { revisionLink } from "../../domain/git";
import { type JsonValue, renderTree, secretsIn } from "../../domain/properties";
import { type ChangeSource, type PollContext, type Polled, SourceProblem } from "../contract";
import { type Access, type Credentials, openAccess, removeOldAccess } from "./access";
import { type Commit, parseCommits, parseFiles } from "./commits";
import { SpoiltCopy } from "./failure";
import { branchName, followedRefs, parseRemote } from "./refs";
import { createGit, type Git, LIMITS, type Limits } from "./run-git";
import type { GitPollerOptions } from "./schema";

const cursorSchema = z.object({
  repourl: z.string(),
  /** Full names to commits. */
  heads: z.record(z.string(), z.string()),
});

type Heads = Readonly<Record<string, string>>;

/** Of a push that brings more commits to a branch, the newest. */
const MAX_COMMITS = 1_000;

export function gitPoller(options: GitPollerOptions, limits: Limits = LIMITS): ChangeSource {
  const { auth_credentials, sshPrivateKey, sshHostKey, sshKnownHosts } = options;
  const hidden = { auth_credentials, sshPrivateKey, sshHostKey, sshKnownHosts };
  const intervalMs = (options.pollinterval ?? options.pollInterval) * 1000;
  return {
    secretNames: secretsIn(hidden),
    delayMs(random) {
      const { pollRandomDelayMin: least, pollRandomDelayMax: most } = options;
      return intervalMs + (least + random * (most - least)) * 1000;
    },
    async poll(context) {
      const credentials = credentialsOf(hidden, context.secrets);
      await mkdir(context.directory, { recursive: true, mode: 0o700 });
      await removeOldAccess(context.directory, context.now());
      const access = await openAccess(options.repourl, credentials, context);
      try {
        return await look(options, context, access, limits);
      } catch (error) {
        if (!(error instanceof SpoiltCopy)) throw error;
        await rm(join(context.directory, COPY), { recursive: true, force: true });
        return await look(options, context, access, limits);
      } finally {
        await access.close();
      }
    },
  };
}

const COPY = "repository.git";

async function look(
  options: GitPollerOptions,
  context: PollContext,
  access: Access,
  limits: Limits,
): Promise<Polled> {
  const { repourl } = options;
  const directory = join(context.directory, COPY);
  await mkdir(directory, { recursive: true });
  const git = createGit(directory, {
    ...access,
    stop: context.stop,
    limits,
    about: { url: repourl, ...access },
  });
  const remote = parseRemote(
    (await git(["ls-remote", "--symref", "--", repourl])).toString("utf8"),
  );
  const { names, missing } = followedRefs(options, remote);
  const known = knownHeads(context.cursor, repourl);
  const notes = missing.length === 0 ? [] : [missingWords(missing, remote.refs.size === 0)];
  const isSame =
    known !== null &&
    names.length === Object.keys(known).length &&
    names.every((name) => known[name] === remote.refs.get(name));
  if (isSame) return { changes: [], cursor: { repourl, heads: known }, note: notes[0] ?? null };

  const heads = await fetchHeads(git, directory, repourl, names);
  const changes: Change[] = [];
  if (known !== null) {
    const seen = new Set(Object.values(known));
    for (const [name, head] of Object.entries(heads)) {
      if (known[name] === head) continue;
      const { commits, left } = await newCommits(git, head, seen, options);
      changes.push(...(await asChanges(git, name, commits, options, context.now())));
      if (left > 0) notes.push(`${left} older commits of ${branchName(name)} were left out`);
      seen.add(head);
    }
    await git(["gc", "--auto", "--quiet"]);
  }
  return {
    changes,
    cursor: { repourl, heads },
    note: notes.length === 0 ? null : notes.join("; "),
  };
}

/** Null: nothing is known of this repository. */
function knownHeads(cursor: unknown, repourl: string): Heads | null {
  const parsed = cursorSchema.safeParse(cursor);
  return parsed.success && parsed.data.repourl === repourl ? parsed.data.heads : null;
}

function missingWords(missing: readonly string[], isEmpty: boolean): string {
  if (isEmpty) return "the repository is empty";
  return `there is no branch ${missing.slice(0, 10).join(", ")}`;
}

/** The heads as they are in the copy afterwards: they may have moved on since they were listed. */
async function fetchHeads(
  git: Git,
  directory: string,
  repourl: string,
  names: readonly string[],
): Promise<Heads> {
  await git(["init", "--quiet", "--bare", "."]);
  await writeFile(join(directory, "config"), copyConfig(repourl));
  const refspecs = names.map((name) => `+${name}:${KEPT}${name}\n`);
  if (refspecs.length > 0) {
    const flags = ["--quiet", "--force", "--no-tags", "--no-write-fetch-head"];
    await git(["fetch", ...flags, "--filter=blob:none", "--stdin", "origin"], refspecs.join(""));
  }
  const format = "--format=%(refname) %(objectname) %(*objectname)";
  const lines = (await git(["for-each-ref", format, KEPT])).toString("utf8").split("\n");
  const wanted = new Set(names);
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [ref = "", object = "", peeled] = line.split(" ");
      const name = ref.slice(KEPT.length);
      return wanted.has(name) ? [[name, peeled || object]] : [];
    }),
  );
}

/** Without the contents of files, where the server can leave them out. */
function copyConfig(repourl: string): string {
  const url = repourl.replaceAll(/["\\]/g, "\\$&");
  return `[core]
	repositoryformatversion = 1
	bare = true
[extensions]
	partialClone = origin
[remote "origin"]
	url = "${url}"
	promisor = true
	partialclonefilter = blob:none
[gc]
	autoDetach = false
[maintenance]
	auto = false
`;
}

const KEPT = "refs/kept/";

interface NewCommits {
  readonly commits: readonly Commit[];
  /** Older ones beyond the bound. */
  readonly left: number;
}

async function newCommits(
  git: Git,
  head: string,
  seen: ReadonlySet<string>,
  { encoding, buildPushesWithNoCommits }: GitPollerOptions,
): Promise<NewCommits> {
  const range = [`${head}\n`, ...[...seen].map((commit) => `^${commit}\n`)].join("");
  const list = async (...more: string[]) =>
    (await git(["rev-list", "--ignore-missing", ...more, "--stdin"], range)).toString("latin1");
  const ids = (await list("--topo-order", "--reverse", `--max-count=${MAX_COMMITS}`)).trim();
  const isBounded = ids.split("\n").length >= MAX_COMMITS;
  const left = isBounded ? Number(await list("--count")) - MAX_COMMITS : 0;
  const wanted = ids === "" && buildPushesWithNoCommits ? head : ids;
  if (wanted === "") return { commits: [], left };
  return {
    commits: parseCommits(await git(["cat-file", "--batch"], `${wanted}\n`), encoding),
    left,
  };
}

async function asChanges(
  git: Git,
  ref: string,
  commits: readonly Commit[],
  options: GitPollerOptions,
  now: number,
): Promise<Change[]> {
  if (commits.length === 0) return [];
  const pairs = commits.map(({ id, parents: [first] }) => (first ? `${id} ${first}\n` : `${id}\n`));
  const flags = ["--stdin", "--raw", "-r", "-z", "--root", "--no-renames"];
  const files = parseFiles(await git(["diff-tree", ...flags], pairs.join("")), options.encoding);
  return commits.map((commit) =>
    newChange({
      author: commit.author,
      committer: commit.committer,
      comments: commit.message,
      files: files.get(commit.id) ?? [],
      revision: commit.id,
      branch: branchName(ref),
      repository: options.repourl,
      project: options.project,
      codebase: options.codebase ?? "",
      category: options.category,
      revlink: revisionLink(options.repourl, commit.id),
      when: (options.usetimestamps ? commit.committedAt : null) ?? now,
    }),
  );
}

type Hidden = Pick<
  GitPollerOptions,
  "auth_credentials" | "sshPrivateKey" | "sshHostKey" | "sshKnownHosts"
>;

function credentialsOf(hidden: Hidden, secrets: ReadonlyMap<string, string>): Credentials {
  let rendered: Record<string, unknown>;
  try {
    const written = JSON.parse(JSON.stringify(hidden)) as JsonValue;
    rendered = renderTree(written, { properties: {}, secrets }) as Record<string, unknown>;
  } catch (error) {
    throw new SourceProblem((error as Error).message, { cause: error });
  }
  const { auth_credentials: login, ...ssh } = rendered;
  const [username, password] = Array.isArray(login)
    ? (login as string[])
    : [
        (login as { username?: string } | undefined)?.username,
        (login as { password?: string } | undefined)?.password,
      ];
  for (const value of [username, password]) {
    if (value !== undefined && /[\n\0]/.test(value)) {
      throw new SourceProblem("user and password of auth_credentials must be one line each");
    }
  }
  return { ...(ssh as Credentials), username, password };
}
