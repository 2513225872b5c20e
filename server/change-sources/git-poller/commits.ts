/** Commits as git stores them, and the files they touch; nothing in them is trusted to be text. */

export interface Commit {
  readonly id: string;
  readonly parents: readonly string[];
  readonly author: string;
  readonly committer: string;
  /** Milliseconds since the epoch; null when what is written there is no time. */
  readonly committedAt: number | null;
  readonly message: string;
}

/** What `git cat-file --batch` prints. */
export function parseCommits(output: Buffer, encoding: string): Commit[] {
  const commits: Commit[] = [];
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf(0x0a, at);
    if (end < 0) break;
    const [id = "", type, size] = output.toString("latin1", at, end).split(" ");
    if (size === undefined) {
      // `<id> missing`
      at = end + 1;
      continue;
    }
    const from = end + 1;
    const to = from + Number(size);
    if (type === "commit") commits.push(parseCommit(id, output.subarray(from, to), encoding));
    at = to + 1;
  }
  return commits;
}

function parseCommit(id: string, body: Buffer, encoding: string): Commit {
  const blank = body.indexOf("\n\n");
  const head = body.subarray(0, blank < 0 ? body.length : blank);
  const lines = head.toString("latin1").split("\n");
  const field = (name: string) =>
    lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  const decode = decoder(field("encoding"), encoding);
  const person = (name: string) => decode(Buffer.from(field(name) ?? "", "latin1"));
  const committer = person("committer");
  return {
    id,
    parents: lines.flatMap((line) => /^parent ([0-9a-f]{40,64})$/.exec(line)?.[1] ?? []),
    author: withoutTime(person("author")),
    committer: withoutTime(committer),
    committedAt: timeOf(committer),
    message: blank < 0 ? "" : decode(body.subarray(blank + 2)).trimEnd(),
  };
}

const PERSON = /^(.*?) ?(-?\d+) [+-]\d{1,4}$/s;

function withoutTime(person: string): string {
  return (PERSON.exec(person)?.[1] ?? person).trim() || "(nobody)";
}

/** Clocks are set wrong; what lies outside of any history is no time. */
function timeOf(person: string): number | null {
  const seconds = Number(PERSON.exec(person)?.[2]);
  return Number.isFinite(seconds) && seconds > 0 && seconds < 4_102_444_800 ? seconds * 1000 : null;
}

/** What the commit says of itself, else what is configured; bytes that mean nothing are replaced. */
function decoder(own: string | undefined, configured: string): (bytes: Buffer) => string {
  let text: TextDecoder;
  try {
    text = new TextDecoder(own ?? configured);
  } catch {
    text = new TextDecoder(configured);
  }
  return (bytes) => text.decode(bytes);
}

/**
 * What `git diff-tree --stdin --raw -r -z` prints: a commit's id, then for each file its modes and
 * its path, every piece ended by a null byte. Only what begins with a colon announces a path.
 */
export function parseFiles(output: Buffer, encoding: string): Map<string, string[]> {
  const files = new Map<string, string[]>();
  const text = new TextDecoder(encoding);
  let current: string[] = [];
  let isPath = false;
  for (let at = 0; at < output.length; ) {
    const found = output.indexOf(0, at);
    const end = found < 0 ? output.length : found;
    const piece = output.subarray(at, end);
    at = end + 1;
    if (isPath) {
      current.push(text.decode(piece));
      isPath = false;
    } else if (piece[0] === 0x3a) isPath = true;
    else {
      current = [];
      files.set(piece.toString("latin1").trim().split(" ")[0] ?? "", current);
    }
  }
  return files;
}
