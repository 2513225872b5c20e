// Guarantees: what is handed to git as a repository is an address, never an option or a program.
import { expect, it } from "vitest";
import { readRepositoryUrl, repositoryProblem } from "../../../../../server/domain/git";

it.each([
  ["https://example.org/a.git", "https", "example.org"],
  ["http://user@example.org:8080/a/b", "http", "example.org"],
  ["ssh://git@example.org:2222/a.git", "ssh", "example.org"],
  ["git@example.org:group/a.git", "ssh", "example.org"],
  ["example.org:a.git", "ssh", "example.org"],
  ["git://example.org/a", "git", "example.org"],
  ["/srv/git/a.git", "file", ""],
  ["file:///srv/git/a.git", "file", ""],
])("%s", (text, scheme, host) => {
  expect(readRepositoryUrl(text)).toEqual({ scheme, host });
});

it.each([
  "",
  "-c core.sshCommand=x",
  "--upload-pack=x",
  "ext::sh -c x",
  "ext::sh",
  "fd::17",
  "s3://bucket/a",
  "javascript://x/y",
  "https://",
  "https://example.org",
  "https://user:word@example.org/a",
  "ssh://-oProxyCommand=x/a",
  "ssh://-oProxyCommand=x@example.org/a",
  "-oProxyCommand=x:a",
  "host:-a",
  "relative/path",
  "https://example.org/a b",
  "https://example.org/a\nb",
  "file://example.org/a",
])("%j is refused", (text) => {
  expect(readRepositoryUrl(text)).toEqual(expect.any(String));
});

it.each([
  "/srv/a",
  "http://localhost/a",
  "http://10.1.2.3/a",
  "http://192.168.0.1/a",
  "http://172.20.0.1/a",
  "http://169.254.169.254/latest",
  "http://[::1]/a",
  "http://[fd00::1]/a",
  "http://0x7f.1/a",
  "ssh://db.internal/a",
  "git@build:a",
])("%s is the network's own when hosted", (text) => {
  expect(repositoryProblem(text)).toBeNull();
  expect(repositoryProblem(text, { isHosted: true })).toMatch(/own/);
});
