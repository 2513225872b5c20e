// Guarantee: for each way in which a provider says no there is one sentence of what to do, the right
// one; and whatever a provider says, however long, there is some.
import { expect, test } from "vitest";
import {
  ADVICE,
  ADVICE_SILENT,
  adviceFor,
  type DriverErrorCode,
} from "../../../../../server/domain/latent";

/** What was said, as it was seen, and a word that the advice for it has and no other. */
const SAID: readonly (readonly [string, DriverErrorCode | null, string])[] = [
  [
    "virsh cannot be run on this host: install the package libvirt-clients",
    "bad-configuration",
    "Install what the message names",
  ],
  ["the door for msgpack is closed here", "bad-configuration", "SLIPWAY_MSGPACK_PORT"],
  [
    "failed to connect to the hypervisor\nFailed to connect socket to '/var/run/libvirt/libvirt-sock': Permission denied",
    "bad-configuration",
    "libvirt and kvm",
  ],
  [
    "failed to connect to the hypervisor\nFailed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory",
    "provider-down",
    "no such socket",
  ],
  ["connect EACCES /var/run/docker.sock", "provider-down", "group docker"],
  ["connect ENOENT /var/run/docker.sock", "provider-down", "no such socket"],
  [
    "its domain is active already, and was not started by Slipway",
    "no-capacity",
    "Shut that domain down",
  ],
  ["there is no domain vm1 at qemu:///system: define it", "bad-configuration", "Define a domain"],
  [
    "hd_image /i/d is there already and was not cloned by Slipway: remove it",
    "bad-configuration",
    "Remove that file",
  ],
  [
    "invalid argument: could not find capabilities for domaintype=kvm",
    "bad-configuration",
    "type='qemu'",
  ],
  [
    "Requested operation is not valid: network 'slipway' is not active",
    "bad-configuration",
    "virsh net-start",
  ],
  [
    "Cannot access storage file '/x/d' (as uid:64055, gid:64055): Permission denied",
    "bad-configuration",
    "a home folder",
  ],
  [
    "Cannot access backing file '/b' of storage file '/d' (as uid:64055, gid:64055): No such file or directory",
    "bad-configuration",
    "hypervisor's own host",
  ],
  [
    "write EPROTO 140:error:0A00010B:SSL routines::wrong version number",
    "provider-down",
    "One side speaks TLS",
  ],
  ["Client sent an HTTP request to an HTTPS server.", "provider-down", "One side speaks TLS"],
  ["certificate has expired", "bad-configuration", "has expired: renew"],
  [
    "Hostname/IP does not match certificate's altnames: ERR_TLS_CERT_ALTNAME_INVALID",
    "bad-configuration",
    "for another name",
  ],
  ["self-signed certificate in certificate chain", "bad-configuration", "not trusted here"],
  [
    "Cannot read CA certificate '/etc/pki/CA/cacert.pem': No such file or directory",
    "bad-configuration",
    "not trusted here",
  ],
  ["tlsv13 alert certificate required", "bad-configuration", "a certificate of ours"],
  ["No such image: nosuch/img:1", "bad-configuration", "autopull"],
  ["image not found on docker host", "bad-configuration", "autopull"],
  ["Back-off pulling image: ImagePullBackOff", null, "autopull"],
  [
    "pull access denied for x, repository does not exist or may require 'docker login'",
    "bad-configuration",
    "The registry wants credentials",
  ],
  [
    "no matching manifest for linux/arm64 in the manifest list entries",
    "bad-configuration",
    "another processor",
  ],
  [
    'runc create failed: exec: "buildbot": executable file not found in $PATH',
    "bad-configuration",
    "has no such program",
  ],
  [
    "InstanceLimitExceeded: You have requested more instances (21) than your current limit",
    "quota",
    "limit raised",
  ],
  [
    "Quota exceeded for cores: Requested 4, but already used 18 of 20 cores",
    "quota",
    "limit raised",
  ],
  [
    "Cannot recv data: build@vmhost: Permission denied (publickey).",
    "bad-configuration",
    "known host key",
  ],
  ["401 Unauthorized", "bad-configuration", "does not take the credentials"],
  [
    "AuthFailure: AWS was not able to validate the provided access credentials",
    "bad-configuration",
    "does not take the credentials",
  ],
  [
    "403 Forbidden: pods is forbidden: User cannot create resource",
    "bad-configuration",
    "may not do this",
  ],
  ["qemu-img: /d: No space left on device", "no-capacity", "Make room"],
  [
    "cannot set up guest memory 'pc.ram': Cannot allocate memory",
    "no-capacity",
    "too little memory",
  ],
  ["exited with 137 (OOMKilled)", null, "too little memory"],
  [
    "InsufficientInstanceCapacity: We currently do not have sufficient m5.large capacity",
    "no-capacity",
    "another size or zone",
  ],
  ["getaddrinfo ENOTFOUND docker.exmaple.org", "provider-down", "leads nowhere"],
  ["connect ECONNREFUSED 10.0.0.1:2375", "provider-down", "Nothing listens"],
  ["502: <html><head><title>502 Bad Gateway</title>", "provider-down", "Something else answered"],
  ["500 Internal Server Error", "provider-down", "The fault is the provider's own"],
  ["connect ETIMEDOUT 10.0.0.1:2376", "provider-down", "Nobody answers"],
  ["no answer within 600 s (start)", "provider-down", "Nobody answers"],
  ["socket hang up", "provider-down", "The connection was cut"],
  ["End of file while reading data: Input/output error", "provider-down", "The connection was cut"],
  ["409 Conflict: the container name is in use by container abc", "bad-configuration", "not ours"],
];

test.each(SAID)("%s", (said, code, words) => {
  expect(adviceFor(code, said)).toContain(words);
  const others = SAID.map(([, , other]) => other).filter((other) => other !== words);
  for (const other of others) expect(adviceFor(code, said)).not.toContain(other);
});

test("what was never said before has the advice of its word, and each advice is one sentence", () => {
  for (const code of Object.keys(ADVICE) as DriverErrorCode[]) {
    expect(adviceFor(code, "something")).toBe(ADVICE[code]);
    expect(adviceFor(code, "")).toBe(ADVICE[code]);
  }
  expect(adviceFor(null, "something")).toBe(ADVICE_SILENT);
  for (const [said, code] of SAID) expect(adviceFor(code, said)).toMatch(/^[A-Z].*[.?]$/);
});

test("however much a provider says, it is read in no time", () => {
  for (const piece of [
    "permission denied ",
    "cannot access storage file ",
    "image ",
    "ENOENT ",
    "base_image ",
  ]) {
    expect(adviceFor("quota", piece.repeat(100_000))).not.toBe("");
  }
});
