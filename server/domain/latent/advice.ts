/**
 * What a person may do when a machine could not be had: one sentence, by what the provider said. Words
 * are those of Docker, libvirt, Kubernetes and the clouds, of Node's network and TLS, and of our own
 * drivers. What is not known here still has a word of the seam, and with it a sentence.
 */
import type { DriverErrorCode } from "./failure";

export const ADVICE: Readonly<Record<DriverErrorCode, string>> = {
  "no-capacity":
    "It is tried again by itself; another place, size or kind of machine may have room.",
  quota:
    "It is tried again by itself; the account needs a higher limit, or fewer machines at a time.",
  "bad-configuration": "It is not tried again: the options of the worker have to change.",
  "provider-down":
    "It is tried again by itself; if it lasts, look whether the provider is reached from here.",
  "not-found":
    "It is tried again by itself; if it lasts, look whether what the options name still exists.",
};

export const ADVICE_SILENT =
  "Look at what the machine prints: does its image start a worker at boot, and does it reach the address that it was given?";

/** More of what was said says nothing more. */
const WORDS_READ = 4_000;

/** @param code null when a machine died that was there already */
export function adviceFor(code: DriverErrorCode | null, words: string): string {
  return adviceOn(words) ?? (code === null ? ADVICE_SILENT : ADVICE[code]);
}

/** On words that are known here; null on others. */
export function adviceOn(words: string): string | null {
  const read = words.slice(0, WORDS_READ);
  return SAYINGS.find(([saying]) => saying.test(read))?.[1] ?? null;
}

type Sayings = readonly (readonly [RegExp, string])[];

const ON_THIS_HOST: Sayings = [
  [
    /cannot be run on this host|install the package|spawn \S+ ENOENT/i,
    "Install what the message names on the host where this installation's jobs process runs.",
  ],
  [
    /the door for \w+ is closed/i,
    "Open that door (SLIPWAY_PB_PORT, SLIPWAY_MSGPACK_PORT), or have the machine's worker speak the other protocol (master_protocol).",
  ],
  [
    /libvirt-sock\S*: permission denied|polkit|authentication (unavailable|cancelled)/i,
    "Add the account that this installation runs under to the groups libvirt and kvm, and start it again.",
  ],
  [
    /docker\.sock.{0,200}(permission denied|EACCES)|(permission denied|EACCES).{0,200}docker\.sock/is,
    "Add the account that this installation runs under to the group docker, and start it again.",
  ],
  [
    /(sock\S*: no such file|ENOENT.{0,200}\.sock)/is,
    "There is no such socket: look whether the daemon runs, and whether its path is right.",
  ],
];

const DOMAINS: Sayings = [
  [
    /domain is active already/i,
    "Shut that domain down when nobody needs it, or give the worker a domain of its own.",
  ],
  [
    /there is no domain/i,
    "Define a domain of the worker's name at the hypervisor, or write its definition into xml.",
  ],
  [
    /was not cloned by slipway/i,
    "Remove that file if nobody needs it, or have hd_image name another one.",
  ],
  [
    /domaintype=kvm|could not access kvm|\/dev\/kvm/i,
    "The hypervisor's host has no hardware virtualisation: write type='qemu' in the domain, and expect it to be some ten times slower.",
  ],
  [
    /network '[^']*' is not active|no network with matching name/i,
    "Start that network at the hypervisor (virsh net-start, and net-autostart for the next time).",
  ],
  [
    /keeps no metadata/i,
    "Take a hypervisor that keeps metadata of its domains: QEMU, KVM, LXC, Xen.",
  ],
  [
    /cannot access (storage|backing) file.{0,600}permission denied/is,
    "Put the image where the account of the machines may read it; a home folder is no such place.",
  ],
  [
    /cannot access (storage|backing) file|base_image .{0,600}(is not on this host|could not open)/is,
    "Look whether the image is where the options say, on the hypervisor's own host.",
  ],
];

/** Asked by an engine, not from here. */
const REGISTRIES: Sayings = [
  [
    /(could not|cannot) be (pulled|built).{0,600}(x509: |HTTP response to HTTPS client)/is,
    "It is the engine that has to trust the registry: see its certs.d and insecure-registries.",
  ],
  [
    /(could not|cannot) be (pulled|built).{0,600}(no basic auth|unauthori[sz]ed|authentication required|access forbidden)/is,
    "The registry wants credentials for this image: look at registry_auth, and at what its account may pull.",
  ],
  [
    /(could not|cannot) be (pulled|built).{0,600}(connection refused|no such host|i\/o timeout|TLS handshake timeout|connection reset|EOF)/is,
    "The registry does not answer the engine: it is tried again by itself; if it lasts, look from the engine's host.",
  ],
];

const TLS: Sayings = [
  [
    /wrong version number|\bEPROTO\b|http request to an https server|http response to https client/i,
    "One side speaks TLS and the other does not: look at the address, at its port (Docker's are 2375 without and 2376 with), and at tls.",
  ],
  [
    /certificate has expired|CERT_HAS_EXPIRED/i,
    "A certificate has expired: renew the provider's, or the one that this installation shows.",
  ],
  [
    /ERR_TLS_CERT_ALTNAME|does not match certificate|hostname.{0,100}mismatch/i,
    "The certificate is for another name: write the address as the certificate has it.",
  ],
  [
    /self.signed certificate|unable to (verify|get local issuer)|certificate (verify failed|signed by unknown)|cannot read ca certificate|SELF_SIGNED|UNABLE_TO_/i,
    "The provider's certificate is not trusted here: give the certificate of its authority.",
  ],
  [
    /bad certificate|certificate required|handshake failure/i,
    "The provider asks for a certificate of ours and does not take this one: look at certificate and key in the options.",
  ],
];

const IMAGES: Sayings = [
  [
    /pull access denied|denied: requested access|authentication required/i,
    "The registry wants credentials for this image, or has none of that name: look at the name, and at registry_auth.",
  ],
  [
    /no matching manifest|exec format error|does not match the (host|operating system)|operating system.{0,100}match/i,
    "The image is for another processor or system than the machine's: take one that is built for it.",
  ],
  [
    /executable file not found|no such file or directory: unknown|exec: "/i,
    "The image has no such program: look at command, and at what the image starts by itself.",
  ],
  [
    /no such image|manifest unknown|image\b.{0,300}(not found|is not on|could not be found|does not exist)|ErrImagePull|ImagePullBackOff|InvalidImageName|InvalidAMIID|no available images match/is,
    "Look at the image's name and tag, and whether the provider has it; a Docker engine fetches it only with autopull.",
  ],
];

const ACCOUNTS: Sayings = [
  [
    /quota|limit ?exceeded|too many (instances|machines|requests)|rate limit/i,
    "Have the account's limit raised, or have fewer machines at a time (max_builds, the organisation's limits).",
  ],
  [
    /publickey|host key verification failed/i,
    "Look whether the account that this installation runs under can log in there by itself (ssh, with its key and a known host key).",
  ],
  [
    /\b401\b|unauthori[sz]ed|AuthFailure|InvalidClientTokenId|SignatureDoesNotMatch|authentication failed|invalid credentials|AUTHENTICATION_FAILED/i,
    "The provider does not take the credentials: look whether they have expired, and whether the secret that the options name holds the right ones.",
  ],
  [
    /\b403\b|forbidden|access ?denied|UnauthorizedOperation/i,
    "The credentials are right and may not do this: give their account the rights that the driver's documentation lists.",
  ],
];

const ROOM: Sayings = [
  [
    /no space left on device|ENOSPC/i,
    "Make room on the disk of the machines' host; images and disks that nobody uses may go.",
  ],
  [
    /cannot allocate memory|guest memory|OOMKilled|out of memory|insufficient memory/i,
    "There is too little memory: give machines less or have fewer at a time when the host is short of it, give them more when they run out.",
  ],
  [
    /InsufficientInstanceCapacity|no valid host|unschedulable|insufficient cpu/i,
    "The provider has no room for this size here: it is tried again by itself, and another size or zone may have room now.",
  ],
];

const NETWORK: Sayings = [
  [
    /ENOTFOUND|EAI_AGAIN|could not resolve|name or service not known|no such host/i,
    "That name leads nowhere from here: look for a slip of the pen, and at this host's name servers.",
  ],
  [
    /ECONNREFUSED|connection refused/i,
    "Nothing listens at that address: look at the port, and whether the provider's service runs.",
  ],
  [
    /<html|<!doctype|unexpected token '?<|is (no|not) (valid )?json/i,
    "Something else answered in the provider's place, a proxy or a sign-in page: look at the address, and at HTTPS_PROXY.",
  ],
  [
    /\b50[0-4]\b|internal server error|bad gateway|service unavailable|gateway time-?out/i,
    "The fault is the provider's own: look at its log or its status page; it is tried again by itself.",
  ],
  [
    /ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|no route to host|timed out|no answer within|did not answer within/i,
    "Nobody answers there: the host is off or overloaded, or a firewall drops what is sent.",
  ],
  [
    /ECONNRESET|EPIPE|socket hang up|connection (was )?(reset|closed)|end of file while reading|empty (answer|reply|response)|said nothing/i,
    "The connection was cut: the provider was restarted, or a proxy in between ends long calls; it is tried again by itself.",
  ],
];

const NAMES: Sayings = [
  [
    /\b409\b|already (exists|in use)|name is in use/i,
    "Something of that name is there that is not ours: remove or rename it.",
  ],
];

/** The first that fits: those that name their cause exactly stand before those that only sound alike. */
const SAYINGS: Sayings = [
  ON_THIS_HOST,
  DOMAINS,
  REGISTRIES,
  TLS,
  IMAGES,
  ROOM,
  ACCOUNTS,
  NETWORK,
  NAMES,
].flat();
