/** What was found where a repository is said to be, in words for whoever typed the address. */

export interface FoundRepository {
  readonly kind: "found";
  /** At most so many as `isCut` says; in the order of their names. */
  readonly branches: readonly string[];
  readonly isCut: boolean;
  /** What its HEAD names; null: nothing, or a branch that has no commit yet. */
  readonly defaultBranch: string | null;
  /** Names in the root of the branch that was looked at; null: not looked at. */
  readonly files: readonly string[] | null;
  /** Why they could not be looked at. */
  readonly filesProblem: string | null;
}

export interface RefusedRepository {
  readonly kind: "refused";
  readonly problem: RepositoryProblem;
  /** What git said, or a part of it. */
  readonly detail: string;
  /** Where the server sends whoever asks: to be written instead. */
  readonly redirectedTo: string | null;
}

export type RepositoryAnswer = FoundRepository | RefusedRepository;

export const REPOSITORY_PROBLEMS = {
  "no-repository": {
    says: "There is no Git repository at this address.",
    advice:
      "Copy the address from the page of the repository. A server that hides private repositories says this of them, too: then give a user and a password.",
  },
  "asks-password": {
    says: "It asks for a user and a password.",
    advice:
      "Give them below. Most servers want an access token for a password, made for reading this repository only.",
  },
  "refuses-password": {
    says: "It does not accept this user and password.",
    advice: "Look whether the token has expired, and whether it may read this repository.",
  },
  "refuses-key": {
    says: "The server wants an SSH key, and accepts none that it was offered.",
    advice:
      "Give a private key below, without a passphrase, whose public half is a deploy key of the repository.",
  },
  "unknown-host-key": {
    says: "The server's own SSH key is not the one that is known of it.",
    advice: "If it was changed on purpose, give the new one in the poller's sshHostKey.",
  },
  "unknown-host": {
    says: "No such host is known.",
    advice:
      "Look for a slip in the address. A name of your own network must be known on this host.",
  },
  unreachable: {
    says: "The host does not answer there.",
    advice: "Look at the port, at firewalls, and whether this host may reach it at all.",
  },
  untrusted: {
    says: "Its TLS certificate is not trusted by this host.",
    advice: "Install its authority where git on this host looks for them.",
  },
  redirects: {
    says: "It sends whoever asks on to another address.",
    advice:
      "Write the address that it leads to: credentials go to no other host than the one that is named.",
  },
  "too-slow": {
    says: "It did not answer in time.",
    advice: "Try again; if it stays so slow, builds will wait for it as well.",
  },
  "too-many-branches": {
    says: "It has more branches and tags than can be listed here.",
    advice: "The repository is all right: type the branch.",
  },
  "too-big": {
    says: "It is too big to look into here.",
    advice: "Workers may still build it: say what to run.",
  },
  "not-allowed": {
    says: "This address may not be used here.",
    advice: "Take one that other machines can reach.",
  },
  "no-git": {
    says: "The server's host has no git.",
    advice: "Whoever runs this installation installs it.",
  },
  failed: {
    says: "Git could not read it.",
    advice: "What git said stands below.",
  },
} as const satisfies Record<string, { says: string; advice: string }>;

export type RepositoryProblem = keyof typeof REPOSITORY_PROBLEMS;
