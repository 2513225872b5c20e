// Guarantees: what is handed to git as a repository is an address, never an option or a program.
import { expect, it } from "vitest";
import {
  isPrivateAddress,
  readRepositoryUrl,
  repositoryProblem,
} from "../../../../../server/domain/git";

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

it.each([
  ...[
    "127.0.0.1",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.9.9",
    "0.0.0.0",
    "100.64.0.1",
    "255.255.255.255",
  ],
  // Of clouds: where machines are told their secrets.
  ...["169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"],
  ...["198.18.0.1", "224.0.0.1", "240.0.0.1", "::", "::1", "fe80::1", "fec0::1", "ff02::1"],
  // IPv4 written as IPv6, in all the ways that lead somewhere.
  ...["::ffff:7f00:1", "::ffff:127.0.0.1", "::7f00:1", "::127.0.0.1", "64:ff9b::7f00:1"],
  ...["2002:7f00:1::1", "2001:0:7f00::1", "2001::1"],
])("%s is no address of the internet", (address) => {
  expect(isPrivateAddress(address)).toBe(true);
});

it.each([
  ...[
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "168.63.129.17",
    "192.0.1.1",
    "198.20.0.1",
    "223.5.5.5",
  ],
  ...["2606:4700::1111", "2001:4860:4860::8888", "2a00::1"],
])("%s is one", (address) => {
  expect(isPrivateAddress(address)).toBe(false);
});

it("what only begins as a private address does is a name like another", () => {
  for (const host of ["fdroid.example.org", "fc.example.org", "fe80.example.org"]) {
    expect(repositoryProblem(`https://${host}/a.git`, { isHosted: true })).toBeNull();
  }
});
