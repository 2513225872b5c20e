// Guarantee: a machine's definition is what was written, under our name, UUID and metadata; no value
// put into it can become an element, and what is not well formed is refused, not guessed at.
import { expect, test } from "vitest";
import { fillIn, withIdentity } from "../../../../../server/drivers/libvirt/domain-xml";
import {
  authElement,
  MARK,
  markElement,
  readMark,
} from "../../../../../server/drivers/libvirt/mark";
import { hide, refusal } from "../../../../../server/drivers/libvirt/refusal";

const IDENTITY = { name: "bb-1", uuid: "u-1", metadata: ["<m:a xmlns:m='x'/>"] };
/** Elements and what is in them, without the space between. */
const flat = (xml: string) => xml.replaceAll(/>\s+</g, "><").trim();

test.each([
  [
    "<domain><name>x</name><uuid>y</uuid><vcpu>1</vcpu></domain>",
    "<domain><metadata><m:a xmlns:m='x'/></metadata><name>bb-1</name><uuid>u-1</uuid><vcpu>1</vcpu></domain>",
  ],
  [
    "<?xml version='1.0'?><!-- <name>no</name> --><domain type='qemu'><devices><name>kept</name></devices><metadata/></domain>",
    "<?xml version='1.0'?><!-- <name>no</name> --><domain type='qemu'><name>bb-1</name><uuid>u-1</uuid><devices><name>kept</name></devices><metadata><m:a xmlns:m='x'/></metadata></domain>",
  ],
  [
    '<domain a=">"><metadata><o:b xmlns:o="o"/></metadata><![CDATA[<name>]]><name/></domain>',
    `<domain a=">"><name>bb-1</name><uuid>u-1</uuid><metadata><m:a xmlns:m='x'/><o:b xmlns:o="o"/></metadata><![CDATA[<name>]]></domain>`,
  ],
])("%s", (written, made) => {
  expect(flat(withIdentity(written, IDENTITY))).toBe(made);
});

test.each([
  ["<domain>", "does not close <domain>"],
  ["<domain></name></domain>", "closes <name>, which is not open there"],
  ["<domain/><domain/>", "has more than one outermost element"],
  ["<network></network>", "is not a <domain>"],
  ["<domain></domain> and more", "has text outside of its elements"],
  ["<!DOCTYPE domain [<!ENTITY a SYSTEM '/etc/passwd'>]><domain>&a;</domain>", "is not XML"],
  ["<domain a=b></domain>", "is not XML"],
])("%s is refused", (written, words) => {
  expect(() => withIdentity(written, IDENTITY)).toThrow(words);
});

test("a value stays text wherever it stands, and is filled in once", () => {
  const values = { password: `"/><evil a='&lt;{{name}}`, name: "n" };
  const filled = fillIn("<a b='{{ password }}'>{{password}}{{name}}{{other}}</a>", values);
  expect(filled).not.toContain("<evil");
  expect(filled.match(/[<>"']/g)?.join("")).toBe("<''><>");
  expect(filled).toContain("n{{other}}</a>");
});

test("a mark is read back as it was written, and nothing else is taken for one", () => {
  const tag = { installation: "in-1", organization: 1, worker: 2, generation: 3 };
  const mark = { domain: "d", key: "bb-1", tag };
  expect(readMark(markElement(mark))).toEqual(mark);
  expect(
    readMark(
      `x <machine domain='d' key='bb-1' installation='in-1' organization='1' worker='2' generation='3'/> y`,
    ),
  ).toEqual(mark);
  expect(
    readMark(
      markElement(mark, MARK.uri)
        .replace("m:machine", "machine")
        .replace(/ xmlns:m="[^"]*"/, ""),
    ),
  ).toEqual(mark);
  for (const other of [
    "",
    "<machine/>",
    markElement(mark).replace('"3"', '"x"'),
    markElement(mark).replace("machine", "other"),
  ]) {
    expect(readMark(other)).toBeNull();
  }
  const login = { host: "h", port: 1, protocol: "pb", name: 'a"b', password: "p<" } as const;
  expect(authElement(login)).toBe(
    '<auth username="a&#34;b" password="p&#60;" master="h" port="1" protocol="pb"/>',
  );
});

test.each([
  [
    "failed to connect to the hypervisor\nFailed to connect socket to '/x': No such file or directory",
    "provider-down",
  ],
  [
    "failed to connect to the hypervisor\nFailed to connect socket to '/x': Permission denied",
    "bad-configuration",
  ],
  [
    "failed to connect to the hypervisor\nauthentication unavailable: no polkit agent available",
    "bad-configuration",
  ],
  [
    "Cannot recv data: ssh: connect to host h port 22: Connection refused: Connection reset by peer",
    "provider-down",
  ],
  [
    "Cannot recv data: Host key verification failed.: Connection reset by peer",
    "bad-configuration",
  ],
  [
    "failed to connect to the hypervisor\nCannot read CA certificate '/x': No such file or directory",
    "bad-configuration",
  ],
  [
    "Failed to create domain from x\nCannot access backing file '/b' of storage file '/d': No such file or directory",
    "bad-configuration",
  ],
  [
    "Failed to start domain 'x'\ninternal error: process exited while connecting to monitor: cannot set up guest memory 'pc.ram': Cannot allocate memory",
    "no-capacity",
  ],
  ["qemu-img: /d: No space left on device", "no-capacity"],
  ['Failed to get "write" lock\nIs another process using the image [/d]?', "no-capacity"],
  [
    "Failed to create domain from x\nRequested operation is not valid: network 'ci' is not active",
    "bad-configuration",
  ],
  [
    "Failed to create domain from x\ninvalid argument: could not find capabilities for domaintype=kvm",
    "bad-configuration",
  ],
  ["something that was never said before", "provider-down"],
])("%s", (said, code) => {
  expect(refusal(said)).toMatchObject({ code, message: said });
});

test("what must not be repeated is not", () => {
  expect(hide("a secret, twice: secret", ["secret", ""])).toBe("a •••, twice: •••");
  expect(refusal("x".repeat(9_000)).message).toHaveLength(2_000);
});
