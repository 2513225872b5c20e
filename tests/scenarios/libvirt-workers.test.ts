// Guarantee: builds of a whole installation run on virtual machines under a real libvirtd: each on a
// disk of its own, whatever dies meanwhile, the process that drives them or the machine itself; and
// neither a machine nor its disk is left.
import { readdirSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  startHypervisor,
  type TestHypervisor,
  whyNoHypervisor,
} from "../support/libvirt/hypervisor";
import { type VmImage, vmDomain, vmImage } from "../support/libvirt/vm-image";
import { type SlipwayInstance, startSlipway } from "../support/slipway-instance";

const SUCCESS = 0;
const RETRY = 5;

const why = whyNoHypervisor();
let image: VmImage | string = why ?? "";
if (why === null)
  image = await vmImage().catch((error) => `no image of a machine: ${error.message}`);
if (typeof image === "string") console.warn(`libvirt workers are not tested: ${image}`);

describe.skipIf(typeof image === "string")("on virtual machines", () => {
  let hypervisor: TestHypervisor;
  let slipway: SlipwayInstance;

  beforeAll(async () => {
    hypervisor = await startHypervisor();
    slipway = await startSlipway();
    const worker = {
      ...{
        type: "LibVirtWorker",
        name: "vm",
        uri: hypervisor.uri,
        xml: vmDomain(image as VmImage),
      },
      ...{ hd_image: `${hypervisor.folder}/{{key}}`, base_image: (image as VmImage).base },
      ...{ masterFQDN: "10.0.2.2", missing_timeout: 120, followStartupLogs: true },
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
    await slipway.apply({ workers: [worker], projects: { p: { builders } } });
  });

  afterAll(async () => {
    await slipway?.stop();
    await hypervisor?.stop();
  });

  interface Build {
    readonly buildid: number;
    readonly results: number | null;
    readonly complete: boolean;
  }

  async function force(builder: string): Promise<number> {
    const { buildrequestids } = await slipway.call<{ buildrequestids: Record<string, number> }>(
      `builders/${builder}`,
      "force",
      { reason: "test" },
    );
    return Object.values(buildrequestids)[0] as number;
  }

  const buildsOf = async (request: number) =>
    (await slipway.get<{ builds: Build[] }>(`buildrequests/${request}/builds`)).builds;

  async function ended(request: number): Promise<(number | null)[]> {
    for (;;) {
      const { buildrequests } = await slipway
        .get<{ buildrequests: { complete: boolean }[] }>(`buildrequests/${request}`)
        .catch(() => ({ buildrequests: [] }));
      if (buildrequests[0]?.complete) {
        return (await buildsOf(request)).map(({ results }) => results);
      }
      await setTimeout(100);
    }
  }

  async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
    while (!(await isSo())) await setTimeout(50);
  }

  const disks = () => readdirSync(hypervisor.folder).filter((name) => name.startsWith("bb-"));
  const isCleared = () => hypervisor.active().length === 0 && disks().length === 0;

  test("the process that drives it is killed while a machine boots: one machine, one build, and all is cleared", async () => {
    const request = await force("short");
    await until(() => hypervisor.active().length > 0);
    expect(slipway.kill("jobs")).not.toBeNull();
    expect(await ended(request)).toEqual([SUCCESS]);
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
    expect(await ended(request)).toEqual([RETRY, SUCCESS]);
    await until(isCleared);
  });
});
