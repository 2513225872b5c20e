/** What git prints when it fails, in words that say what to do. */
import type { RepositoryProblem } from "../../domain/git";
import { SourceProblem } from "../contract";

/** The copy on this host is spoilt, or somebody else is at it: it can be made anew. */
export class SpoiltCopy extends SourceProblem {}

export interface About {
  readonly url: string;
  readonly hidden: readonly string[];
  readonly hasCredentials?: boolean;
}

type Words = string | ((match: RegExpExecArray, about: About) => string);

const REASONS: readonly [RegExp, Words, RepositoryProblem][] = [
  [
    /could not read (?:Username|Password)|terminal prompts disabled|Authentication failed|HTTP (?:Basic|code = )?.*\b(?:401|403)\b|returned error: (?:401|403)/i,
    (_, { hasCredentials }) =>
      hasCredentials
        ? "the repository does not accept the user and password of auth_credentials"
        : "the repository asks for a user and a password: set auth_credentials",
    "asks-password",
  ],
  [
    /(?:unable to update url base from redirection|redirect)[\s\S]*?redirect: (\S+)/i,
    ([, to = ""]) => `the address redirects: write ${withoutService(to)}`,
    "redirects",
  ],
  [
    /redirect|HTTP code = 30\d|returned error: 30\d/i,
    "the address redirects to another: write that one",
    "redirects",
  ],
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed/i,
    "the host's key is not the one that is known: compare it, then set sshHostKey or sshKnownHosts",
    "unknown-host-key",
  ],
  [
    /Permission denied \([^)]*\)|no mutual signature|invalid format|error in libcrypto/i,
    (_, { hasCredentials }) =>
      hasCredentials
        ? "the host does not accept sshPrivateKey, or it is not a key"
        : "the host asks for a key: set sshPrivateKey",
    "refuses-key",
  ],
  [/dubious ownership/i, "the repository belongs to another account of this host", "failed"],
  [
    /Could not resolve host(?:name)?:? ?([\w.-]*)|Name or service not known/i,
    ([, host = ""]) => `there is no host ${host}`.trimEnd(),
    "unknown-host",
  ],
  [
    /Connection refused|Failed to connect|timed out|Connection reset|No route to host|Network is unreachable|unexpected disconnect|early EOF|Operation too slow|Connection closed/i,
    "the host does not answer",
    "unreachable",
  ],
  [
    /SSL certificate|certificate verif|server certificate/i,
    "the host's certificate is not trusted",
    "untrusted",
  ],
  [
    /transport '(\w+)' not allowed/i,
    ([, name = ""]) => `${name} is not allowed here`,
    "not-allowed",
  ],
  [
    /repository .*not found|does not appear to be a git repository|does not exist|returned error: 404|not found|access denied or repository not exported/i,
    "there is no repository at this address",
    "no-repository",
  ],
  [
    /not valid: is this a git repository/i,
    "there is no repository at this address",
    "no-repository",
  ],
  [/No space left on device/i, "this host's disk is full", "failed"],
];

const SPOILT =
  /\.lock': File exists|Unable to create .*\.lock|not a git repository|bad object|corrupt|missing (?:blob|tree|commit|necessary)|object file .* is empty|unable to read|loose object|did not send all necessary|pack has|invalid sha1|bad config|promisor/i;

export function gitFailure(stderr: string, about: About): SourceProblem {
  for (const [pattern, words, problem] of REASONS) {
    const match = pattern.exec(stderr);
    if (match)
      return new SourceProblem(
        clean(typeof words === "string" ? words : words(match, about), about),
        { problem },
      );
  }
  const words = clean(lastWords(stderr), about);
  return SPOILT.test(stderr) ? new SpoiltCopy(words) : new SourceProblem(words);
}

/** The lines that name a fault; all else is progress and advice. */
function lastWords(stderr: string): string {
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  const named = lines.filter((line) => /^(?:fatal|error|ssh|remote):/i.test(line));
  return `git says: ${(named.length > 0 ? named : lines).slice(-2).join("; ") || "nothing"}`;
}

function clean(text: string, { hidden }: About): string {
  let shown = text;
  for (const value of hidden) if (value !== "") shown = shown.replaceAll(value, "•••");
  return shown.replaceAll(/[\p{C}\u2028\u2029]+/gu, " ").slice(0, 500);
}

function withoutService(address: string): string {
  return address.replace(/\/info\/refs(\?.*)?$/, "");
}
