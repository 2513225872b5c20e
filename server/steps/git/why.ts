/** Why a checkout failed, in words that say what to do, from what git printed. */

export interface Asked {
  /** As it may be shown. */
  readonly repourl: string;
  readonly branch: string;
  readonly revision: string | null;
  readonly hasCredentials: boolean;
  readonly hasKey: boolean;
  readonly hasHosts: boolean;
}

type Reason = (asked: Asked) => string;

const REASONS: readonly (readonly [RegExp, Reason])[] = [
  [
    /Host key verification failed|HOST IDENTIFICATION HAS CHANGED/,
    ({ hasHosts }) =>
      hasHosts
        ? "the server's host key is not the one that is trusted (sshHostKey, sshKnownHosts)"
        : "the server's host key is not known to the worker: give sshHostKey or sshKnownHosts",
  ],
  [
    /Permission denied \(|Too many authentication failures|Load key .*(invalid format|error in libcrypto)/,
    ({ hasKey }) =>
      hasKey
        ? "the server does not accept sshPrivateKey"
        : "the server does not accept the worker's own key: give sshPrivateKey",
  ],
  [
    /could not read (Username|Password)|Authentication failed|terminal prompts disabled|HTTP Basic: Access denied|returned error: 401/,
    ({ hasCredentials }) =>
      hasCredentials
        ? "the server does not accept the user name and password"
        : "the repository asks for a password: give auth_credentials",
  ],
  [
    /dubious ownership/,
    () =>
      "the repository belongs to another account than the worker's, and git does not trust it: let its owner be the worker's account, or name it in safe.directory there",
  ],
  [/returned error: 403/, () => "the server refuses access to the repository (403)"],
  [
    /unable to update url base from redirection|redirect/i,
    () => "the server redirects where git does not follow: write the new address into repourl",
  ],
  [
    /Remote branch .* not found|couldn't find remote ref|invalid refspec/i,
    ({ branch }) => `there is no branch ${JSON.stringify(branch)} in the repository`,
  ],
  [
    /^fatal: path '.*' does not exist|reference repository .* is not/m,
    () => "there is no repository on the worker where reference says",
  ],
  [
    /\.lock': File exists|could not lock/,
    () => "another git holds a lock in the repository on the worker",
  ],
  [
    /transport '(\w+)' not allowed/,
    () => "a submodule is fetched in a way that git does not allow (protocol.*.allow in config)",
  ],
  [
    /not our ref|unadvertised object|bad object|reference is not a tree|unable to read tree|unknown revision|not a valid object|did not match any|not a commit|Not a valid object name/i,
    ({ revision }) =>
      `there is no revision ${JSON.stringify(revision ?? "HEAD")} in the repository`,
  ],
  [
    /repository .* (not found|does not exist)|does not appear to be a git repository|Repository not found|returned error: 404|No such file or directory.*\n?.*Could not read from remote/i,
    ({ repourl }) => `there is no repository at ${repourl}`,
  ],
  [
    /Could not resolve host|Connection refused|Connection timed out|Failed to connect|Connection reset|unable to connect|Network is unreachable|No route to host/i,
    () => "the server cannot be reached from the worker",
  ],
  [
    /SSL certificate|certificate verif/i,
    () => "the server's certificate is not trusted by the worker",
  ],
  [/No space left on device/, () => "the worker's disk is full"],
];

/** Null: nothing that we know. */
export function whyItFailed(printed: string, asked: Asked): string | null {
  return REASONS.find(([pattern]) => pattern.test(printed))?.[1](asked) ?? null;
}
