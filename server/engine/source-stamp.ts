/** What is built, of one codebase. */
import { createHash } from "node:crypto";
import type { Patch } from "../domain/force";

export interface SourceStampOrder {
  readonly codebase: string;
  readonly repository: string;
  readonly branch: string | null;
  readonly revision: string | null;
  readonly project: string;
  /** What the Git step puts on top of the revision. */
  readonly patch?: Patch | null;
}

/** Stamps are de-duplicated by content. */
export function stampHash(stamp: SourceStampOrder): Buffer {
  const { codebase, repository, branch, revision, project, patch } = stamp;
  const content = [codebase, repository, branch, revision, project, ...(patch ? [patch] : [])];
  return createHash("sha256").update(JSON.stringify(content)).digest();
}
