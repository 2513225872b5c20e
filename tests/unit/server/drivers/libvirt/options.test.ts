// Guarantee: what cannot work of a libvirt worker's options is said at the option, in a configuration
// and to the driver alike, and what each kind of configuration keeps a machine for is as documented.
import { expect, test } from "vitest";
import { checkConfig } from "../../../../../server/config";
import { buildWaitSeconds } from "../../../../../server/drivers/driver-schema";
import { libvirtConfigSchema } from "../../../../../server/drivers/libvirt/schema";

const XML = "<domain><name>x</name><source file='{{hd_image}}'/></domain>";

function complaints(options: object, check: object = {}): string[] {
  const workers = [{ type: "LibVirtWorker", name: "vm", ...options }];
  const { errors } = checkConfig(JSON.stringify({ workers }), check);
  const driver = libvirtConfigSchema.safeParse(options);
  if (!("isHosted" in check)) expect(driver.success).toBe(errors.length === 0);
  return errors.map(({ path, message }) => `${path}: ${message}`);
}

test("what works is taken, with the defaults of the driver", () => {
  expect(complaints({})).toEqual([]);
  expect(complaints({ uri: "test:///default" })).toEqual([]);
  expect(complaints({ uri: "qemu+tls://[::1]:16514/system?no_verify=1" })).toEqual([]);
  expect(complaints({ uri: "xen:///", hd_image: null, base_image: null, xml: null })).toEqual([]);
  expect(complaints({ uri: "qemu+ssh://build@host/system?keyfile=/k&no_tty=1" })).toEqual([]);
  expect(complaints({ base_image: "/i/base", hd_image: "/i/{{key}}", xml: XML })).toEqual([]);
  expect(
    complaints({
      base_image: "/i/base",
      hd_image: "/i/disk",
      xml: XML.replace("{{hd_image}}", "/i/disk"),
    }),
  ).toEqual([]);
  expect(
    complaints({ masterFQDN: "10.0.2.2:9989", master_protocol: "pb", cheap_copy: false }),
  ).toEqual([]);
  expect(libvirtConfigSchema.parse({})).toEqual({
    uri: "qemu:///system",
    disk: null,
    base: null,
    isCheapCopy: true,
    xml: null,
    name: null,
  });
});

test.each([
  [{ uri: "qemu" }, "uri: is not a hypervisor's URI"],
  [{ uri: "qemu+ext:///system" }, "uri: must not name a program"],
  [{ uri: "qemu+ssh://h/system?command=/tmp/x" }, "uri: must not name a program"],
  // The library reads these as command=, too.
  [{ uri: "qemu+ssh://h/system?comm%61nd=/tmp/x" }, 'uri: must not have the parameter "comm%61nd"'],
  [{ uri: "qemu+ssh://h/system?no_tty=1;command=/tmp/x" }, "uri: must not name a program"],
  [{ uri: "qemu+%65xt:///system" }, "uri: is not a hypervisor's URI"],
  // What it says of a file that is no XML begins with the file's first line.
  [{ uri: "test:///etc/shadow" }, "uri: must be test:///default"],
  [{ uri: "TEST://h/default" }, "uri: must be test:///default"],
  [{ uri: "qemu+ssh://h/system?authfile=/f" }, 'uri: must not have the parameter "authfile"'],
  // Host keys would be written there.
  [{ uri: "qemu+libssh2://h/system?known_hosts=/f" }, "uri: must not have the parameter"],
  [{ uri: "qemu+sneaky://h/system" }, "uri: has an unknown transport +sneaky"],
  [{ uri: "qemu:///system#?x" }, "uri: is not a hypervisor's URI"],
  [{ hd_image: "disk" }, "hd_image: must be the absolute path"],
  [{ hd_image: "/i/{{name}}", xml: XML }, "hd_image: may have {{key}} in it"],
  [{ hd_image: "/i/{{key}}" }, "hd_image: is the disk of a defined domain"],
  [{ base_image: "/i/base" }, "base_image: is cloned to hd_image, which is missing"],
  [{ base_image: "/i/b", hd_image: "/i/b" }, "base_image: must not be hd_image itself"],
  [
    { base_image: "/i/b", hd_image: "/i/d", xml: "<domain></domain>" },
    "xml: does not use hd_image",
  ],
  [
    { xml: "<domain>{{login_image}}</domain>" },
    "xml: names {{login_image}}, and hd_image is missing",
  ],
  [{ xml: "<domain>{{secret}}</domain>" }, "xml: knows no {{secret}}"],
  [{ xml: "<network/>" }, "xml: must be a <domain>"],
])("%j is refused", (options, words) => {
  const [first, ...others] = complaints(options);
  expect(first).toContain(`workers[0].${words}`);
  expect(others).toEqual([]);
});

test("each machine has a disk of its own", () => {
  const check = (document: object) =>
    checkConfig(JSON.stringify(document)).errors.map(({ path, message }) => `${path}: ${message}`);
  const vm = (name: string, more: object) => ({ type: "LibVirtWorker", name, ...more });
  const disk = { hd_image: "/i/disk" };
  expect(check({ workers: [vm("a", disk), vm("b", { ...disk, uri: "xen:///" })] })).toEqual([]);
  expect(check({ workers: [vm("a", disk), vm("b", disk)] })).toEqual([
    expect.stringContaining('workers[1].hd_image: is the disk of worker "a" too'),
  ]);
  const each = { hd_image: "/i/{{key}}", xml: XML };
  expect(check({ workers: [vm("a", each), vm("b", each)] })).toEqual([]);
  const pool = (more: object) => ({
    pools: [{ name: "p", worker: { type: "LibVirtWorker", ...more } }],
  });
  expect(check(pool(each))).toEqual([]);
  expect(check(pool({ ...disk, xml: XML }))).toEqual([
    expect.stringContaining("pools[0].worker.hd_image: is one disk for all workers"),
  ]);
});

test("a hosted installation runs no hypervisor's programs, and what is no text is said once", () => {
  expect(complaints({}, { isHosted: true })).toEqual([
    expect.stringContaining("the server's own host"),
  ]);
  expect(complaints({ xml: 5, base_image: 7, hd_image: [] }).length).toBe(3);
});

test("with a base image each build has a machine of its own", () => {
  expect(buildWaitSeconds("LibVirtWorker", {})).toBe(600);
  expect(buildWaitSeconds("LibVirtWorker", { base_image: null })).toBe(600);
  expect(buildWaitSeconds("LibVirtWorker", { base_image: "/i/base" })).toBe(0);
});
