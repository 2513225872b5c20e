// Guarantee: builds of a whole installation run on virtual machines under a real libvirtd: each on a
// disk of its own, whatever dies meanwhile, the process that drives them or the machine itself; and
// neither a machine nor its disk is left.
import { randomUUID } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { UNHEARD } from "../../server/drivers/contract";
import { libvirtDriver } from "../../server/drivers/libvirt";
import { type Build, buildsIn } from "../support/builds-in";
import {
  startHypervisor,
  type TestHypervisor,
  whyNoHypervisor,
} from "../support/libvirt/hypervisor";
import { type VmImage, vmDomain, vmImage } from "../support/libvirt/vm-image";
import { OPERATOR_ENV, type Operator, operate } from "../support/provider-sweep";
import { type SlipwayInstance, startSlipway } from "../support/slipway-instance";

const SUCCESS = 0;
const EXCEPTION = 4;
const RETRY = 5;

const why = whyNoHypervisor();
let image: VmImage | string = why ?? "";
if (why === null)
  image = await vmImage().catch((error) => `no image of a machine: ${error.message}`);
if (typeof image === "string") console.warn(`libvirt workers are not tested: ${image}`);

describe.skipIf(typeof image === "string")("on virtual machines", () => {
  let hypervisor: TestHypervisor;
  let slipway: SlipwayInstance;
  let operator: Operator;
  let worker: object;
  let configuration: object;

  beforeAll(async () => {
    hypervisor = await startHypervisor();
    slipway = await startSlipway({ env: { ...OPERATOR_ENV, TMPDIR: hypervisor.folder } });
    operator = await operate(slipway);
    worker = {
      ...{
        type: "LibVirtWorker",
        name: "vm",
        uri: hypervisor.uri,
        xml: vmDomain(image as VmImage),
      },
      ...{ hd_image: `${hypervisor.folder}/{{key}}`, base_image: (image as VmImage).base },
      ...{ masterFQDN: "10.0.2.2", missing_timeout: 120, followStartupLogs: true },
      build_wait_timeout: 600,
    };
    const step = (command: string) => ({ type: "ShellCommand", command, logEnviron: false });
    const builder = (name: string, ...commands: string[]) => ({
      ...{ name, workernames: ["vm"], factory: commands.map(step) },
    });
    // The first build is to lose its machine; the second is the same once more.
    // Written to the machine's disk, and seen there by a later step but not by a later build.
    const marks = ["test ! -e /mark", "echo built > /mark && sync", "cat /mark"];
    const builders = [
      builder("short", ...marks),
      builder("long", ...marks, 'test "%(prop:buildnumber)s" -gt 1 || sleep 600'),
    ];
    configuration = { workers: [worker], projects: { p: { builders } } };
    await slipway.apply(configuration);
  });

  afterAll(async () => {
    await slipway?.stop();
    await hypervisor?.stop();
  });

  const { force, of: buildsOf, ended, log } = buildsIn(() => slipway);

  async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
    while (!(await isSo())) await setTimeout(50);
  }

  const disks = () => readdirSync(hypervisor.folder).filter((name) => name.startsWith("bb-"));
  const isCleared = () => hypervisor.active().length === 0 && disks().length === 0;

  test("a domain that nobody knows goes at the second sighting, and is told; those of others, of nobody and copies stay", async () => {
    // Not even a disk to boot from: it runs all the same.
    const xml = `<domain type='qemu'><name>x</name><memory unit='MiB'>32</memory>
      <os><type arch='x86_64' machine='pc'>hvm</type></os><devices><memballoon model='none'/></devices></domain>`;
    const create = (definition: string) => {
      const file = join(hypervisor.folder, "definition.xml");
      writeFileSync(file, definition);
      hypervisor.virsh("create", file);
    };
    const make = (key: string, installation: string) => {
      const { schema, open } = libvirtDriver({ env: hypervisor.env });
      const tag = { installation, organization: 1, worker: 4_711, generation: 1 };
      const agent = { host: "h", port: 1, protocol: "pb", name: "w", password: "unused" } as const;
      const driver = open(schema.parse({ uri: hypervisor.uri, xml }), UNHEARD);
      return driver.start({ key, tag, agent }, new AbortController().signal);
    };
    const sweep = () => operator.sweep(hypervisor.uri);
    expect(await sweep()).toMatchObject({ seen: 0, error: null, details: [] });
    await make("bb-lost-1", operator.tag);
    await make("bb-theirs-1", "0ther");
    create(xml.replace("<name>x", "<name>of-nobody"));
    const original = hypervisor.virsh("dumpxml", "bb-lost-1");
    create(
      original
        .replace("<name>bb-lost-1", "<name>a-copy")
        .replace(/<uuid>[^<]*/, `<uuid>${randomUUID()}`),
    );
    const stay = ["a-copy", "bb-theirs-1", "of-nobody"];
    const lost = { key: "bb-lost-1", kind: "orphan", why: "nobody here knows it" };
    const copy = { key: "a-copy", kind: "unclear", action: "left-alone" };
    expect(await sweep()).toMatchObject({
      ...{ seen: 1, known: 0, orphans: 1, stopped: 0 },
      details: [{ ...lost, times: 1, action: "sighted" }, copy],
    });
    expect(hypervisor.active().sort()).toEqual([...stay, "bb-lost-1"].sort());
    expect(await sweep()).toMatchObject({
      ...{ seen: 1, orphans: 1, stopped: 1 },
      details: [{ ...lost, times: 2, action: "stopped", error: null }, copy],
    });
    expect(hypervisor.active().sort()).toEqual(stay);
    for (const name of stay) hypervisor.virsh("destroy", name);
  });

  test("what keeps a machine from its build stands on the build's page, in the hypervisor's and the machine's own words", async () => {
    // It is not looked at before it says that it ended.
    const seldom = { check_instance_interval: 3_600, missing_timeout: 3_600 };
    const xml = vmDomain(image as VmImage).replace(" quiet", " rdinit=/nowhere");
    const missing = `${hypervisor.folder}/no-such-base.qcow2`;
    await slipway.apply({
      workers: [
        { ...worker, name: "panics", xml, ...seldom },
        { ...worker, name: "baseless", base_image: missing },
      ],
      projects: {
        p: {
          builders: ["panics", "baseless"].map((name) => ({
            ...{ name, workernames: [name], factory: [] },
          })),
        },
      },
    });
    for (const [name, results, says] of [
      ["panics", RETRY, /its machine crashed before it logged in: .*Kernel panic/s],
      ["baseless", EXCEPTION, /no-such-base\.qcow2/],
    ] as const) {
      const request = await force(name);
      await until(async () => typeof (await buildsOf(request))[0]?.results === "number");
      const [build] = await buildsOf(request);
      expect(build).toMatchObject({ results });
      expect(await log(build as Build)).toMatch(says);
    }
    await slipway.apply(configuration);
    await until(isCleared);
  });

  test("the process that drives it is killed while a machine boots: one machine, one build", async () => {
    const known = readdirSync(hypervisor.folder);
    const request = await force("short");
    await until(() => hypervisor.active().length > 0);
    expect(slipway.kill("jobs")).not.toBeNull();
    // Nor is the login of its machine left in a file.
    expect(readdirSync(hypervisor.folder).filter((name) => !name.startsWith("bb-"))).toEqual(known);
    expect((await ended(request)).results).toBe(SUCCESS);
    expect(await buildsOf(request)).toHaveLength(1);
    expect(hypervisor.active()).toHaveLength(1);
  });

  test("that machine is destroyed by somebody while its worker is idle: it is gone, and so is its disk", async () => {
    const [machine] = await operator.machines();
    expect(machine).toMatchObject({ worker: "vm", state: "running", isConnected: true });
    hypervisor.virsh("destroy", machine?.key as string);
    await until(async () => (await operator.machines())[0]?.state === "gone");
    expect((await operator.machines())[0]).toMatchObject({
      ...{ id: machine?.id, isFailed: false },
      endReason: expect.stringMatching(
        /^its machine is gone: (there is no such domain|in shutdown)/,
      ),
    });
    await until(isCleared);
  });

  test("a machine dies under its build: the build is tried again on another one, with a fresh disk", async () => {
    const request = await force("long");
    const first = await until(async () => {
      const [build] = await buildsOf(request);
      if (!build) return false;
      const { steps } = await slipway.get<{ steps: { name: string; started_at: number | null }[] }>(
        `builds/${build.buildid}/steps`,
      );
      return steps.some(({ name, started_at }) => name === "shell_3" && started_at !== null);
    }).then(() => hypervisor.active()[0] as string);
    process.kill(hypervisor.pidOf(first) as number, "SIGKILL");
    await until(async () => (await buildsOf(request))[0]?.results === RETRY);
    expect((await ended(request)).results).toBe(SUCCESS);
    expect(await buildsOf(request)).toHaveLength(2);
    await slipway.apply({ workers: [], projects: { p: { builders: [] } } });
    await until(isCleared);
  });
});
