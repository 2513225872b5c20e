/**
 * Where a git repository is: what we are willing to hand to git, which would otherwise run programs
 * for `ext::` and read options in what begins with a dash.
 */

export interface RepositoryUrl {
  readonly scheme: "https" | "http" | "ssh" | "git" | "file";
  /** Empty for a repository of this host. */
  readonly host: string;
}

const SCHEMES = ["https", "http", "ssh", "git", "file"] as const;
const MAX_CHARACTERS = 2_000;

/** What stands in an URL, or the reason why it is none, for a person. */
export function readRepositoryUrl(text: string): RepositoryUrl | string {
  if (text === "") return "must not be empty";
  if (text.length > MAX_CHARACTERS) return `must have at most ${MAX_CHARACTERS} characters`;
  if (/[\p{C}\s\u2028\u2029]/u.test(text)) return "must not contain spaces or control characters";
  if (text.startsWith("-")) return "must not begin with a dash";
  if (/^[\w+.-]+::/.test(text)) return "must not name a git helper (::)";
  if (text.startsWith("/")) return { scheme: "file", host: "" };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  return scheme === undefined ? readScpForm(text) : readUrl(text, scheme);
}

/** Null when this may be fetched from. */
export function repositoryProblem(
  text: string,
  { isHosted = false }: { isHosted?: boolean } = {},
): string | null {
  const url = readRepositoryUrl(text);
  if (typeof url === "string") return url;
  if (!isHosted) return null;
  if (url.scheme === "file") {
    return "is on the server's own host, which this installation lends to nobody";
  }
  return isPrivateHost(url.host)
    ? "is in the server's own network, which this installation lends to nobody"
    : null;
}

/** `git@example.org:group/project.git` */
function readScpForm(text: string): RepositoryUrl | string {
  const host = /^(?:[\w.~+-]+@)?(\[[\da-f:.]+\]|[\w.-]+):(?!\/\/)[^-]/i.exec(text)?.[1];
  if (host === undefined || host.startsWith("-")) {
    return "is not the address of a git repository: write https://…, ssh://…, user@host:path or a path";
  }
  return { scheme: "ssh", host };
}

function readUrl(text: string, scheme: string): RepositoryUrl | string {
  const known = SCHEMES.find((one) => one === scheme);
  if (!known) return `must begin with one of ${SCHEMES.map((one) => `${one}://`).join(", ")}`;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return "is not an address";
  }
  if (known === "file") {
    return url.host === "" ? { scheme: "file", host: "" } : "must have no host after file://";
  }
  if (url.password !== "") return "must not hold a password: use auth_credentials";
  if (url.host === "" || url.hostname.startsWith("-") || /^-/.test(decoded(url.username))) {
    return "has no usable host";
  }
  if (url.pathname === "" || url.pathname === "/") return "names a host but no repository";
  return { scheme: known, host: url.hostname };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** By its spelling; what a name leads to is a matter of the network. */
export function isPrivateHost(host: string): boolean {
  const plain = host.replaceAll(/^\[|\]$/g, "").toLowerCase();
  return (
    /^(localhost|.*\.(localhost|local|internal|home\.arpa))$/.test(plain) ||
    (!plain.includes(".") && !plain.includes(":")) ||
    isPrivateAddress(plain)
  );
}

/**
 * Of a network that is not the internet, or of this host: private ranges, those that only some routers
 * know, multicast, addresses of IPv4 written as IPv6, and where clouds tell their machines secrets.
 */
export function isPrivateAddress(address: string): boolean {
  return PRIVATE_V4.test(address) || PRIVATE_V6.test(address);
}

const PRIVATE_V4 = new RegExp(
  `^(${[
    ...["0", "10", "127", "169\\.254", "192\\.168", "172\\.(1[6-9]|2\\d|3[01])"],
    ...["100\\.(6[4-9]|[7-9]\\d|1[01]\\d|12[0-7])", "192\\.0\\.0", "198\\.1[89]"],
    ...["2(2[4-9]|[3-5]\\d)", "168\\.63\\.129\\.16$"],
  ].join("|")})(\\.|$)`,
);

/** Of NAT64, 6to4 and Teredo any: what they lead to is not to be seen in them at a glance. */
const PRIVATE_V6 =
  /^(::1?$|f[cdf][\da-f]{0,2}:|fe[89a-f][\da-f]?:|::ffff:|::[\da-f]+:[\da-f]+$|::\d+\.|64:ff9b:|2002:|2001:0?:)/i;
