/** Where a person may look at a revision, on the hosts whose pages are known. */
import { readRepositoryUrl } from "./repository-url";

const PAGES: Readonly<Record<string, string>> = {
  "github.com": "commit",
  "gitlab.com": "-/commit",
  "bitbucket.org": "commits",
  "codeberg.org": "commit",
};

export function revisionLink(repository: string, revision: string): string | null {
  const url = readRepositoryUrl(repository);
  if (typeof url === "string" || !Object.hasOwn(PAGES, url.host)) return null;
  const path = /^[a-z]+:\/\//.test(repository)
    ? new URL(repository).pathname
    : repository.slice(repository.indexOf(":") + 1);
  const name = path.replace(/^\/+|\/+$|\.git\/?$/g, "");
  return `https://${url.host}/${name}/${PAGES[url.host]}/${encodeURIComponent(revision)}`;
}
