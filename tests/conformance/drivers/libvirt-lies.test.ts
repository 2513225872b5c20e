// Guarantee: the libvirt driver keeps the contract over a virsh that is slow, cut off, forgetful or
// silent: nothing is made twice, nothing of ours is lost, and each failure has its own word.
import { appendFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  DriverError,
  type StartOrder,
  UNHEARD,
  type Unclear,
} from "../../../server/drivers/contract";
import { libvirtDriver } from "../../../server/drivers/libvirt";
import { FakeHypervisor } from "../../support/libvirt/fake-hypervisor";
import { driverConformance } from "./suite";

const SIGNAL = new AbortController().signal;
const XML = "<domain type='qemu'><name>x</name></domain>";

function open(fake: FakeHypervisor, config: object = { xml: XML }, env: object = {}) {
  const kind = libvirtDriver({ env: { ...fake.env, ...env }, graceMs: 0 });
  return kind.open(kind.schema.parse(config), UNHEARD);
}

describe("libvirt driver, on a hypervisor of words", () => {
  driverConformance(() => {
    const fake = new FakeHypervisor();
    return {
      driver: open(fake),
      reopened: () => open(fake),
      hopeless: open(fake, {
        xml: XML.replace("<name>", "<title>no-such-machine {{password}}</title><name>"),
      }),
      count: () => fake.active.length,
      kill({ key }) {
        fake.domains = fake.domains.filter(({ name }) => name !== key);
      },
      close() {
        expect(fake.faults).toEqual([]);
        fake.remove();
      },
    };
  });
});

describe("libvirt driver, lied to", () => {
  let fake: FakeHypervisor;
  beforeEach(() => {
    fake = new FakeHypervisor();
  });
  afterEach(() => {
    expect(fake.faults).toEqual([]);
    fake.remove();
  });

  const order = (generation = 1): StartOrder => ({
    key: `bb-lies-${generation}`,
    tag: { installation: "lies", organization: 1, worker: 1, generation },
    agent: { host: "ci", port: 9989, protocol: "pb", name: "w", password: "correct horse" },
  });
  const byKey = (generation = 1) => ({ ...order(generation), ref: null, madeAt: null });
  const refused = (promise: Promise<unknown>) =>
    promise.then(
      () => null,
      (error: unknown) => error as DriverError,
    );

  test("a start whose answer was lost is the same machine when it is asked for again", async () => {
    fake.tell({ cutOff: ["create"] });
    const driver = open(fake);
    expect(await refused(driver.start(order(), SIGNAL))).toMatchObject({ code: "provider-down" });
    expect(fake.active).toEqual(["bb-lies-1"]);
    fake.tell({});
    await driver.start(order(), SIGNAL);
    expect(fake.active).toEqual(["bb-lies-1"]);
    expect(fake.calls.filter((verb) => verb === "create")).toHaveLength(1);
  });

  test("a borrowed domain whose start was not answered is found and given back by its key", async () => {
    fake.define("w");
    fake.tell({ cutOff: ["start"] });
    const driver = open(fake, {});
    expect(await refused(driver.start(order(), SIGNAL))).toMatchObject({ code: "provider-down" });
    fake.tell({});
    expect((await driver.list({ installation: "lies" }, SIGNAL)).map(({ key }) => key)).toEqual([
      "bb-lies-1",
    ]);
    await driver.stop(byKey(), "now", SIGNAL);
    expect(fake.domains).toMatchObject([{ state: "shut off", marks: {} }]);
    expect(
      await refused(driver.start({ ...order(), agent: { ...order().agent, name: "v" } }, SIGNAL)),
    ).toMatchObject({ code: "bad-configuration" });
  });

  test("who sweeps an account stops what is in it, with the options of any of its workers", async () => {
    const [base, disk] = [join(fake.folder, "base"), join(fake.folder, "disk")];
    writeFileSync(base, "a base image");
    const xml = XML.replace("</name>", "</name><source file='{{hd_image}}'/>");
    const cloned = { xml, hd_image: `${disk}-{{key}}`, base_image: base, cheap_copy: false };
    fake.define("w");
    await open(fake, {}).start(order(1), SIGNAL);
    await open(fake, cloned).start(order(2), SIGNAL);
    const left = () => readdirSync(fake.folder).filter((name) => name.startsWith("disk"));
    expect(left()).toEqual(["disk-bb-lies-2", "disk-bb-lies-2.slipway"]);
    for (const options of [cloned, {}]) {
      const sweeping = open(fake, options);
      for (const handle of await sweeping.list({ installation: "lies" }, SIGNAL)) {
        // Each with those of the other.
        if (handle.key === (options === cloned ? "bb-lies-1" : "bb-lies-2")) {
          await sweeping.stop(handle, "now", SIGNAL);
        }
      }
    }
    expect(fake.domains).toMatchObject([{ name: "w", state: "shut off", marks: {} }]);
    expect(left()).toEqual([]);
  });

  test.each(["domstate", "metadata", "domblklist", "destroy"])(
    "one that ends by itself while it is stopped, before %s, is gone",
    async (vanish) => {
      const made = await open(fake).start(order(), SIGNAL);
      fake.tell({ vanish });
      await open(fake, {}).stop(made, "now", SIGNAL);
      expect(fake.domains).toEqual([]);
    },
  );

  test("a disk that is not a clone stays when its machine goes", async () => {
    const disk = join(fake.folder, "disk");
    writeFileSync(disk, "somebody's");
    const xml = XML.replace("</name>", "</name><source file='{{hd_image}}'/><a b='{{console}}'/>");
    const made = await open(fake, { xml, hd_image: disk }).start(order(), SIGNAL);
    for (const driver of [open(fake, {}), open(fake, { xml, hd_image: disk })]) {
      await driver.stop(made, "now", SIGNAL);
    }
    expect(readdirSync(fake.folder).filter((name) => name.startsWith("disk"))).toEqual(["disk"]);
  });

  test("who gives up while nobody answers waits no longer, and the machine is not lost", async () => {
    fake.tell({ slow: { create: 400 } });
    const patience = new AbortController();
    const starting = refused(open(fake).start(order(), patience.signal));
    while (!fake.calls.includes("create")) await new Promise((resolve) => setTimeout(resolve, 5));
    patience.abort(new DriverError("provider-down", "too slow"));
    expect(await starting).toMatchObject({ message: "too slow" });
    fake.tell({});
    await open(fake).stop(byKey(), "now", SIGNAL);
    expect((await open(fake).inspect(byKey(), SIGNAL)).state).toBe("gone");
  });

  test("a hypervisor that is away is asked again later, in every verb", async () => {
    const driver = open(fake);
    const made = await driver.start(order(), SIGNAL);
    fake.tell({ away: true });
    for (const call of [
      () => driver.start(order(2), SIGNAL),
      () => driver.inspect(made, SIGNAL),
      () => driver.stop(made, "now", SIGNAL),
      () => driver.list({ installation: "lies" }, SIGNAL),
    ]) {
      expect(await refused(call())).toMatchObject({ code: "provider-down" });
    }
    fake.tell({ cutOff: ["destroy", "domstate", "list"] });
    expect(await refused(driver.stop(made, "now", SIGNAL))).toMatchObject({
      code: "provider-down",
    });
    expect(await refused(driver.list({ installation: "lies" }, SIGNAL))).toMatchObject({
      code: "provider-down",
    });
    fake.tell({});
    await driver.stop(made, "now", SIGNAL);
    expect(fake.active).toEqual([]);
  });

  test("a hypervisor that keeps no metadata is refused, and nothing is left in it", async () => {
    fake.tell({ forgetful: true });
    const failed = await refused(open(fake).start(order(), SIGNAL));
    expect(failed).toMatchObject({ code: "bad-configuration" });
    expect(failed?.message).toContain("keeps no metadata");
    expect(fake.active).toEqual([]);
  });

  test("what a person paused runs, what cannot go on is broken, what starts is awaited", async () => {
    const driver = open(fake);
    const made = await driver.start(order(), SIGNAL);
    const seen: Record<string, string> = {};
    for (const lie of [
      ...[
        "running (booted)",
        "idle",
        "paused (user)",
        "paused (starting up)",
        "paused (I/O error)",
      ],
      ...["in shutdown (user)", "crashed (panicked)", "pmsuspended (unknown)"],
    ]) {
      fake.tell({ lie });
      const report = await driver.inspect(made, SIGNAL);
      expect(report.why).toBe(lie);
      seen[lie] = report.state;
    }
    expect(Object.values(seen)).toEqual([
      "running",
      "running",
      "running",
      "pending",
      "broken",
      "broken",
      "broken",
      "broken",
    ]);
  });

  test("a copy of a domain is not taken for it, and told to whoever wants to hear it", async () => {
    fake.define("w");
    const driver = open(fake, {});
    const made = await driver.start(order(), SIGNAL);
    const [original] = fake.domains;
    if (!original) throw new Error("no domain");
    const copy = { ...original, name: "a copy", uuid: "11111111-1111-4111-8111-111111111111" };
    fake.domains = [original, copy];
    const told: Unclear[] = [];
    const listed = await driver.list({ installation: "lies" }, SIGNAL, (each) => told.push(each));
    expect(listed).toMatchObject([{ key: made.key, ref: { domain: original.uuid } }]);
    const why = `it has the mark of ${made.key}, and was not made as that machine`;
    expect(told).toEqual([{ name: "a copy", why }]);
    await driver.list({ installation: "others" }, SIGNAL, (each) => told.push(each));
    expect(told).toHaveLength(1);
    await driver.stop({ ...made, ref: null }, "now", SIGNAL);
    expect(fake.active).toEqual(["a copy"]);
  });

  test("many domains of others are looked at by few programs", async () => {
    await open(fake).start(order(), SIGNAL);
    for (let count = 0; count < 120; count += 1) fake.define(`other ${count};'$(x)`);
    fake.domains = fake.domains.map((domain) => ({ ...domain, state: "running" }));
    const before = fake.calls.length;
    expect(await open(fake).list({ installation: "lies" }, SIGNAL)).toHaveLength(1);
    expect(fake.calls.length - before).toBe(4);
  });

  test("a test of the settings says what is there, and what is not", async () => {
    const looks = async (config: object) => {
      const said: string[] = [];
      for (const { look } of open(fake, config).probes ?? []) {
        said.push(
          await look(SIGNAL).catch((error: DriverError) => `${error.code}: ${error.message}`),
        );
      }
      return said;
    };
    const base = join(fake.folder, "base");
    const disk = join(fake.folder, "disk");
    const xml = XML.replace("</domain>", "<source file='{{hd_image}}'/></domain>");
    const made = { xml, base_image: base, hd_image: disk };
    expect(await looks(made)).toEqual([
      "QEMU 7.2.22 answers at qemu:///system",
      `bad-configuration: base_image ${base} is not on this host`,
    ]);
    writeFileSync(base, "x");
    expect((await looks(made))[1]).toBe(
      `base_image ${base} is there; clones can be made in ${fake.folder}`,
    );
    expect((await looks({ ...made, hd_image: "/nowhere/disk" }))[1]).toContain(
      "bad-configuration: /nowhere",
    );
    expect((await looks({ name: "w" }))[1]).toBe("bad-configuration: there is no domain w");
    fake.define("w", [disk]);
    expect((await looks({ name: "w", hd_image: disk }))[1]).toBe("domain w is defined");
    expect((await looks({ name: "w", hd_image: base }))[1]).toContain("has no disk");
    fake.domains = fake.domains.map((domain) => ({ ...domain, state: "running" }));
    expect((await looks({ name: "w" }))[1]).toBe(
      "no-capacity: domain w is active already: running",
    );
    fake.tell({ away: true });
    expect((await looks({ xml: XML }))[0]).toContain("provider-down: failed to connect");
  });

  test("what a machine prints is told on as it is looked at, once, and without its password", async () => {
    const disk = join(fake.folder, "disk");
    const xml = XML.replace("</domain>", "<serial><source path='{{console}}'/></serial></domain>");
    const kind = libvirtDriver({ env: fake.env });
    const told: string[] = [];
    const driver = kind.open(kind.schema.parse({ xml, hd_image: disk }), {
      note: (line) => told.push(line),
    });
    const made = await driver.start(order(), SIGNAL);
    told.length = 0;
    const console = `${disk}.console`;
    appendFileSync(console, "\u001b[32mbooting\u001b[0m\r\nlogin w with correct horse\r\nhalf a");
    await driver.inspect(made, SIGNAL);
    expect(told).toEqual(["booting", "login w with •••"]);
    appendFileSync(console, " line\n");
    await driver.inspect(made, SIGNAL);
    await driver.inspect(made, SIGNAL);
    expect(told.slice(2)).toEqual(["half a line"]);
    // The last words begin in the middle of it.
    appendFileSync(console, `correct horse${"x".repeat(1_994)}`);
    expect(await driver.printed?.(made, SIGNAL)).not.toContain("horse");
    appendFileSync(console, "\nhalf a line\n");
    // Another process, which knows of it by its files alone, and finds it dead.
    fake.domains = [];
    const { state, why } = await open(fake, { xml, hd_image: disk }).inspect(byKey(), SIGNAL);
    expect([state, why]).toEqual(["gone", expect.stringContaining("half a line")]);
    await driver.stop(made, "now", SIGNAL);
    expect(readdirSync(fake.folder).filter((name) => name.startsWith("disk"))).toEqual([]);
  });

  test("missing programs, images and disks are faults of the configuration, each named", async () => {
    const at = (name: string) => join(fake.folder, name);
    const none = await refused(
      open(fake, { xml: XML }, { PATH: at("nowhere") }).start(order(), SIGNAL),
    );
    expect(none).toMatchObject({ code: "bad-configuration" });
    expect(none?.message).toContain("libvirt-clients");
    const xml = XML.replace(
      "</domain>",
      "<devices><disk><source file='{{hd_image}}'/></disk></devices></domain>",
    );
    const disk = { xml, hd_image: at("disk"), base_image: at("base") };
    const noBase = await refused(open(fake, disk).start(order(), SIGNAL));
    expect(noBase).toMatchObject({ code: "bad-configuration" });
    expect(noBase?.message).toContain(`base_image ${at("base")} is not on this host`);
    const before = readdirSync(fake.folder).filter((name) => name.startsWith("disk"));
    writeFileSync(at("base"), "x");
    const noTool = await refused(
      open(fake, disk, { PATH: join(fake.folder, "bin") }).start(order(), SIGNAL),
    );
    expect(noTool).toMatchObject({
      code: expect.stringMatching(/bad-configuration|provider-down/),
    });
    const noFolder = await refused(
      open(fake, { ...disk, hd_image: at("none/disk") }).start(order(), SIGNAL),
    );
    expect(noFolder).toMatchObject({ code: "bad-configuration" });
    fake.define("w", ["/other/disk"]);
    const otherDisk = await refused(open(fake, { hd_image: at("disk2") }).start(order(), SIGNAL));
    expect(otherDisk?.message).toContain(`domain w has no disk ${at("disk2")}`);
    await open(fake, disk).stop(byKey(), "now", SIGNAL);
    expect(readdirSync(fake.folder).filter((name) => name.startsWith("disk"))).toEqual([]);
    expect(before).toEqual(["disk.slipway"]);
  });
});
