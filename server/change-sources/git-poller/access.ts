/** How git reaches a repository: its environment, its settings, and the credentials it is lent. */
import { lookup } from "node:dns/promises";
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isPrivateAddress, readRepositoryUrl, repositoryProblem } from "../../domain/git";
import { hostEnv } from "../../env";
import { SourceProblem } from "../contract";

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  readonly sshPrivateKey?: string;
  readonly sshHostKey?: string;
  readonly sshKnownHosts?: string;
}

export interface Access {
  readonly env: Readonly<Record<string, string>>;
  readonly settings: readonly string[];
  readonly hidden: readonly string[];
  readonly hasCredentials: boolean;
  /** Takes the key files away. */
  close(): Promise<void>;
}

const FROM_HOST = /^(PATH|TMPDIR|TZ|(https?|no)_proxy|SSL_CERT_(FILE|DIR)|GIT_SSL_CAINFO)$/i;

const FOLDER = "access-";
/** Longer than any look takes. */
const OLD_MS = 60 * 60_000;

/** Key files that a process left behind that was killed. */
export async function removeOldAccess(directory: string, now: number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith(FOLDER)) continue;
    const path = join(directory, name);
    const since = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => now,
    );
    if (now - since > OLD_MS) await rm(path, { recursive: true, force: true });
  }
}

/** @throws SourceProblem */
export async function openAccess(
  url: string,
  given: Credentials,
  { directory, isHosted }: { readonly directory: string; readonly isHosted: boolean },
): Promise<Access> {
  const read = readRepositoryUrl(url);
  if (typeof read === "string")
    throw new SourceProblem(`the address ${read}`, { problem: "not-allowed" });
  const problem = repositoryProblem(url, { isHosted });
  if (problem !== null)
    throw new SourceProblem(`the address ${problem}`, { problem: "not-allowed" });
  const pinned = isHosted ? await pinnedAddress(url, read.host) : [];

  const folder = await mkdtemp(join(directory, FOLDER));
  try {
    const ssh = await sshCommand(folder, directory, read.host, url, given);
    const config = join(folder, "config");
    // A path of this host may belong to another account; only who runs the installation names one.
    await writeFile(config, read.scheme === "file" ? "[safe]\n\tdirectory = *\n" : "");
    const { username = "", password = "" } = given;
    return {
      env: {
        ...surroundings(),
        HOME: folder,
        LC_ALL: "C",
        GIT_TERMINAL_PROMPT: "0",
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_CONFIG_GLOBAL: config,
        GIT_ALLOW_PROTOCOL: isHosted ? "https:http:ssh:git" : "https:http:ssh:git:file",
        GIT_SSH_COMMAND: ssh,
        GIT_ASKPASS: "",
        SLIPWAY_GIT_USERNAME: username,
        SLIPWAY_GIT_PASSWORD: password,
      },
      settings: [
        "credential.helper=",
        ...(password === "" ? [] : [`credential.${originOf(url)}.helper=${HELPER}`]),
        // What is redirected to is another address, which nobody has looked at.
        "http.followRedirects=false",
        "http.lowSpeedLimit=1000",
        "http.lowSpeedTime=60",
        ...pinned,
      ],
      hidden: [password, given.sshPrivateKey ?? ""].filter((value) => value.length > 0),
      hasCredentials: password !== "" || given.sshPrivateKey !== undefined,
      close: () => rm(folder, { recursive: true, force: true }),
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Git runs it with a shell; the values come in by the environment and are never part of it. */
const HELPER = `!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$SLIPWAY_GIT_USERNAME" "$SLIPWAY_GIT_PASSWORD"; }; f`;

function surroundings(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(hostEnv()).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && FROM_HOST.test(entry[0]),
    ),
  );
}

/** Credentials go to this host and to no other. */
function originOf(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

/**
 * The key that is known beforehand counts; else the one that is met first, which is kept beside the
 * copy: from then on another is refused.
 */
async function sshCommand(
  folder: string,
  directory: string,
  host: string,
  url: string,
  { sshPrivateKey, sshHostKey, sshKnownHosts }: Credentials,
): Promise<string> {
  const known = join(folder, "known_hosts");
  const isKnown = sshHostKey !== undefined || sshKnownHosts !== undefined;
  if (isKnown) {
    const port = /^ssh:/.test(url) ? new URL(url).port : "";
    const name = port === "" ? host : `[${host}]:${port}`;
    await writeFile(known, `${sshKnownHosts ?? `${name} ${sshHostKey}`}\n`, { mode: 0o600 });
  }
  const key = join(folder, "key");
  if (sshPrivateKey !== undefined) {
    await writeFile(key, `${sshPrivateKey.replaceAll("\r\n", "\n").trimEnd()}\n`, { mode: 0o600 });
    await chmod(key, 0o600);
  }
  const options = [
    ...["BatchMode=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "ConnectTimeout=30"],
    ...["ServerAliveInterval=15", "ServerAliveCountMax=4", "GlobalKnownHostsFile=/dev/null"],
    `UserKnownHostsFile=${isKnown ? known : join(directory, "known_hosts")}`,
    `StrictHostKeyChecking=${isKnown ? "yes" : "accept-new"}`,
    `IdentityFile=${sshPrivateKey === undefined ? "none" : key}`,
  ];
  return ["ssh", "-F", "/dev/null", ...options.flatMap((one) => ["-o", one])].map(quoted).join(" ");
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** What a name leads to is looked at once, and git is held to it. */
async function pinnedAddress(url: string, host: string): Promise<string[]> {
  const plain = host.replaceAll(/^\[|\]$/g, "");
  let addresses: { address: string }[];
  try {
    addresses = await lookup(plain, { all: true });
  } catch (error) {
    throw new SourceProblem(`there is no host ${plain}`, { cause: error, problem: "unknown-host" });
  }
  const [first] = addresses;
  if (!first || addresses.some(({ address }) => isPrivateAddress(address))) {
    throw new SourceProblem(
      "the address is in the server's own network, which this installation lends to nobody",
      { problem: "not-allowed" },
    );
  }
  if (!/^https?:/.test(url)) return [];
  const { port, protocol } = new URL(url);
  const number = port || (protocol === "https:" ? "443" : "80");
  return [`http.curloptResolve=${plain}:${number}:${first.address}`];
}
