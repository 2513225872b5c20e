/** A revision that was seen, as a change source tells of it; bounded here, whatever a repository holds. */
import type { ChangeId } from "../ids";
import type { JsonValue } from "../properties";

export interface Change {
  readonly author: string;
  readonly committer: string | null;
  readonly comments: string;
  /** The first of them; `fileCount` says how many there are. */
  readonly files: readonly string[];
  readonly fileCount: number;
  readonly revision: string | null;
  /** Null: the repository's default branch. */
  readonly branch: string | null;
  readonly repository: string;
  readonly project: string;
  readonly codebase: string;
  readonly category: string | null;
  readonly revlink: string | null;
  readonly properties: Readonly<Record<string, JsonValue>>;
  /** Milliseconds since the epoch. */
  readonly when: number;
}

export interface StoredChange extends Change {
  readonly id: ChangeId;
}

export type NewChange = Partial<Omit<Change, "fileCount">> &
  Pick<Change, "author" | "repository" | "when">;

const MAX_FILES = 1_000;
const MAX_FILE = 1_000;
const MAX_NAME = 300;
const MAX_COMMENTS = 64 * 1024;

/** What a source says, with what it left out, and nothing longer than a row should hold. */
export function newChange(given: NewChange): Change {
  const files = given.files ?? [];
  return {
    author: cut(given.author, MAX_NAME),
    committer: given.committer == null ? null : cut(given.committer, MAX_NAME),
    comments: cut(given.comments ?? "", MAX_COMMENTS),
    files: files.slice(0, MAX_FILES).map((file) => cut(file, MAX_FILE)),
    fileCount: files.length,
    revision: given.revision ?? null,
    branch: given.branch ?? null,
    repository: given.repository,
    project: given.project ?? "",
    codebase: given.codebase ?? "",
    category: given.category ?? null,
    revlink: given.revlink ?? null,
    properties: given.properties ?? {},
    when: given.when,
  };
}

/** Never through the middle of a character. */
function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  return `${text.slice(0, longest - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
