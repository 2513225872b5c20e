// Guarantee: the libvirt driver keeps the contract of latent drivers with QEMU machines under a real
// libvirtd: found again by another program of ours, never taken for somebody else's, gone when stopped.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type StartOrder, UNHEARD } from "../../../server/drivers/contract";
import { libvirtDriver } from "../../../server/drivers/libvirt";
import { fillIn } from "../../../server/drivers/libvirt/domain-xml";
import { libvirtProblems } from "../../../server/drivers/libvirt/schema";
import {
  startHypervisor,
  type TestHypervisor,
  whyNoHypervisor,
} from "../../support/libvirt/hypervisor";
import { driverConformance } from "./suite";

const SIGNAL = new AbortController().signal;
const why = whyNoHypervisor();
if (why) console.warn(`libvirt with QEMU is not tested: ${why}`);

/** Firmware that finds nothing to boot: a machine that runs and does nothing. */
const IDLE = `<?xml version="1.0"?>
<!-- a machine with nothing to boot -->
<domain type='qemu'>
  <name>whatever</name><uuid>5708a910-b14b-4066-b682-9a7e0ee3c5ac</uuid>
  <memory unit='MiB'>16</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>
  <devices><memballoon model='none'/></devices>
</domain>`;

describe.skipIf(why !== null)("libvirt driver, on QEMU", () => {
  let hypervisor: TestHypervisor;
  beforeAll(async () => {
    hypervisor = await startHypervisor();
  });
  afterAll(async () => {
    await hypervisor?.stop();
  });

  function open(config: object, ended?: () => void) {
    const kind = libvirtDriver({ env: hypervisor.env, graceMs: 300 });
    const surroundings = { ...UNHEARD, ...(ended && { ended }) };
    return kind.open(kind.schema.parse({ uri: hypervisor.uri, ...config }), surroundings);
  }

  const order = (key: string, more: Partial<StartOrder["tag"]> = {}): StartOrder => ({
    key,
    tag: { installation: "lv", organization: 1, worker: 1, generation: 1, ...more },
    agent: {
      host: "fd00::1",
      port: 7000,
      protocol: "pb",
      name: "org/borrowed",
      password: "s&<'\">-é",
    },
  });

  describe("contract", () => {
    driverConformance(() => ({
      driver: open({ xml: IDLE }),
      reopened: () => open({ xml: IDLE }),
      hopeless: open({ xml: IDLE.replace("type='qemu'", "type='{{password}}'") }),
      count: () => hypervisor.active().length,
      kill({ key }) {
        process.kill(hypervisor.pidOf(key) as number, "SIGKILL");
      },
      close() {
        expect(hypervisor.active()).toEqual([]);
      },
    }));
  });

  test("a defined domain is borrowed: marked while it runs, and given back as it was", async () => {
    const xml = IDLE.replace("whatever", "borrowed");
    writeFileSync(join(hypervisor.folder, "borrowed.xml"), xml);
    hypervisor.virsh("define", join(hypervisor.folder, "borrowed.xml"));
    const before = hypervisor.virsh("dumpxml", "borrowed");
    const driver = open({});
    const made = await driver.start(order("bb-lv-b-1"), SIGNAL);
    expect(hypervisor.active()).toEqual(["borrowed"]);
    const login = hypervisor.virsh("metadata", "borrowed", "--uri", "http://buildbot.net/");
    expect(login).toContain('username="org/borrowed"');
    expect(login).toContain(`password="s&amp;&lt;'&quot;&gt;-&#xE9;" master="fd00::1" port="7000"`);
    expect(await driver.list({ installation: "lv" }, SIGNAL)).toHaveLength(1);
    // The same order again, and by a program that knows nothing but its key.
    expect((await driver.start(order("bb-lv-b-1"), SIGNAL)).ref).toEqual(made.ref);
    const byKey = { ...made, ref: null };
    expect(await driver.inspect(byKey, SIGNAL)).toEqual({
      state: "running",
      why: "running (booted)",
    });
    // Another machine does not get it.
    const next = order("bb-lv-b-2", { generation: 2 });
    await expect(driver.start(next, SIGNAL)).rejects.toMatchObject({ code: "no-capacity" });
    await driver.stop(byKey, "now", SIGNAL);
    expect(hypervisor.active()).toEqual([]);
    const after = hypervisor.virsh("dumpxml", "borrowed").replace("  <metadata/>\n", "");
    expect(after).toBe(before);
  });

  test("what somebody else started is neither used nor ended", async () => {
    const driver = open({});
    const made = await driver.start(order("bb-lv-c-1"), SIGNAL);
    process.kill(hypervisor.pidOf("borrowed") as number, "SIGKILL");
    while ((await driver.inspect(made, SIGNAL)).state !== "gone");
    // A person starts it before we have cleared away; our mark is still written on it.
    hypervisor.virsh("start", "borrowed");
    expect((await driver.inspect(made, SIGNAL)).state).toBe("gone");
    await driver.stop(made, "now", SIGNAL);
    expect(hypervisor.active()).toEqual(["borrowed"]);
    const refused = await driver.start(order("bb-lv-c-2"), SIGNAL).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "no-capacity" });
    expect(String(refused)).toContain("is active already, and was not started by Slipway");
    expect(hypervisor.active()).toEqual(["borrowed"]);
    hypervisor.virsh("destroy", "borrowed");
    hypervisor.virsh("undefine", "borrowed");
    const missing = await driver.start(order("bb-lv-c-3"), SIGNAL).catch((error: unknown) => error);
    expect(missing).toMatchObject({ code: "bad-configuration" });
    expect(String(missing)).toContain("there is no domain borrowed");
  });

  test("the clone of a base image, the login and the console go with their machine", async () => {
    const at = (name: string) => join(hypervisor.folder, name);
    writeFileSync(at("base.raw"), Buffer.alloc(1024 * 1024, 7));
    const disk = `<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{{hd_image}}'/><target dev='vda' bus='virtio'/></disk>
      <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{{login_image}}'/><target dev='vdb' bus='virtio'/></disk>
      <serial type='file'><source path='{{console}}'/></serial>`;
    const xml = IDLE.replace("<devices>", `<devices>${disk}`);
    for (const isCheap of [true, false]) {
      const format = isCheap ? xml : xml.replace("type='qcow2'", "type='raw'");
      const options = { cheap_copy: isCheap, hd_image: at("disk"), base_image: at("base.raw") };
      const driver = open({ ...options, xml: format });
      const made = await driver.start(order("bb-lv-d-1"), SIGNAL);
      expect(readdirSync(hypervisor.folder)).toEqual(
        expect.arrayContaining(["disk", "disk.console", "disk.login", "disk.slipway"]),
      );
      const second = order("bb-lv-d-2", { worker: 2 });
      const refused = await driver.start(second, SIGNAL).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: "no-capacity" });
      // Nor does a machine that never was take away another one's disk.
      await driver.stop({ ...second, ref: null, madeAt: null }, "now", SIGNAL);
      expect(existsSync(at("disk"))).toBe(true);
      await driver.stop(made, "now", SIGNAL);
      expect(readdirSync(hypervisor.folder).filter((name) => name.startsWith("disk"))).toEqual([]);
    }
    writeFileSync(at("disk"), "somebody's");
    const careful = open({ hd_image: at("disk"), base_image: at("base.raw"), xml });
    await expect(careful.start(order("bb-lv-d-3"), SIGNAL)).rejects.toThrow(
      "was not cloned by Slipway",
    );
    expect(existsSync(at("disk"))).toBe(true);
    rmSync(at("disk"));
  });

  test("one that ends by itself is said to; one that is stopped is not, and nobody listens on", async () => {
    const said: string[] = [];
    const driver = open({ xml: IDLE }, () => said.push("one of them"));
    const ending = await driver.start(order("bb-lv-n-1"), SIGNAL);
    const stopped = await driver.start(order("bb-lv-n-2", { worker: 2 }), SIGNAL);
    await driver.stop(stopped, "now", SIGNAL);
    process.kill(hypervisor.pidOf(ending.key) as number, "SIGKILL");
    while (said.length === 0) await sleep(20);
    expect(await driver.inspect(ending, SIGNAL)).toMatchObject({ state: "gone" });
    while (hypervisor.listeners() > 0) await sleep(20);
    expect(said).toHaveLength(1);
  });

  test("who sweeps with another worker's options stops a machine and removes its clone", async () => {
    const at = (name: string) => join(hypervisor.folder, name);
    writeFileSync(at("swept-base"), Buffer.alloc(1024 * 1024, 7));
    const disk = `<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
      <source file='{{hd_image}}'/><target dev='vda' bus='virtio'/></disk>`;
    const xml = IDLE.replace("<devices>", disk);
    await open({ hd_image: at("swept-{{key}}"), base_image: at("swept-base"), xml }).start(
      order("bb-lv-s-1"),
      SIGNAL,
    );
    const sweeping = open({});
    for (const handle of await sweeping.list({ installation: "lv" }, SIGNAL)) {
      await sweeping.stop(handle, "now", SIGNAL);
    }
    expect(hypervisor.active()).toEqual([]);
    expect(readdirSync(hypervisor.folder).filter((name) => name.startsWith("swept"))).toEqual([
      "swept-base",
    ]);
  });

  test("a machine that hears no request to end is ended", async () => {
    const driver = open({ xml: IDLE });
    const made = await driver.start(order("bb-lv-e-1"), SIGNAL);
    await driver.stop(made, "graceful", SIGNAL);
    expect(hypervisor.active()).toEqual([]);
  });

  test("each refusal is told from the others, and repeats no password", async () => {
    const broken = (change: (xml: string) => string, config: object = {}) =>
      open({ xml: change(IDLE), ...config })
        .start(order("bb-lv-f-1"), SIGNAL)
        .catch((error: unknown) => error);
    const wrongType = await broken((xml) => xml.replace("type='qemu'", "type='{{password}}'"));
    expect(wrongType).toMatchObject({ code: "bad-configuration" });
    expect(String(wrongType)).toContain("•••");
    expect(String(wrongType)).not.toContain("s&<");
    const noDisk =
      "<devices><disk type='file'><source file='/nowhere/x'/><target dev='vda'/></disk>";
    const missing = await broken((xml) => xml.replace("<devices>", noDisk));
    expect(missing).toMatchObject({ code: "bad-configuration" });
    expect(String(missing)).toContain("/nowhere/x");
    const large = await broken((xml) => xml.replace(">16<", ">9000000<"));
    expect(large).toMatchObject({ code: "no-capacity" });
    const away = await broken((xml) => xml, { uri: "qemu+unix:///system?socket=/nowhere/sock" });
    expect(away).toMatchObject({ code: "provider-down" });
    expect(hypervisor.active()).toEqual([]);
  });

  test("the network and the domain that we ship are understood by libvirt", () => {
    const shipped = (name: string) =>
      fileURLToPath(new URL(`../../../deploy/libvirt/${name}`, import.meta.url));
    hypervisor.virsh("net-define", "--validate", shipped("network.xml"));
    expect(hypervisor.virsh("net-dumpxml", "slipway")).toContain(
      "<host mac='52:54:00:51:1a:01' name='vm1'",
    );
    hypervisor.virsh("net-undefine", "slipway");
    const written = readFileSync(shipped("domain.xml"), "utf8");
    const options = { hd_image: "/i/{{key}}", base_image: "/i/base", xml: written };
    expect(libvirtProblems(options)).toEqual([]);
    // As the file says for hosts like this one.
    const slow = written
      .replace('type="kvm"', 'type="qemu"')
      .replace("host-passthrough", "maximum");
    const file = join(hypervisor.folder, "shipped.xml");
    const values = { key: "shipped", hd_image: "/i/d", login_image: "/i/l", console: "/i/c" };
    writeFileSync(file, fillIn(slow, values));
    hypervisor.virsh("define", "--validate", file);
    hypervisor.virsh("undefine", "shipped");
  });
});
