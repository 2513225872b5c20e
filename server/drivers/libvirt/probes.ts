/** What a test of the settings looks at before it makes a machine: the hypervisor, then what it needs. */
import { constants, existsSync } from "node:fs";
import { access } from "node:fs/promises";
import { dirname } from "node:path";
import { DriverError, type Probe } from "../contract";
import { type Hypervisor, isActive } from "./hypervisor";
import { fileRefusal } from "./refusal";
import type { LibVirtConfig } from "./schema";

export function libvirtProbes(
  { uri, base, disk, xml, name }: LibVirtConfig,
  open: (signal: AbortSignal) => Hypervisor,
): readonly Probe[] {
  return [
    {
      covers: ["reach", "authenticate"],
      async look(signal) {
        return `${await open(signal).whatRuns()} answers at ${uri}`;
      },
    },
    {
      covers: ["find"],
      async look(signal) {
        const found = [];
        if (base !== null) {
          if (!existsSync(base)) {
            throw new DriverError("bad-configuration", `base_image ${base} is not on this host`);
          }
          found.push(`base_image ${base} is there`);
        }
        if (base !== null && disk !== null) found.push(await writable(dirname(disk)));
        if (xml === null && name !== null) found.push(await domain(open(signal), name, disk));
        return found.join("; ") || "nothing has to be there before a machine is made";
      },
    },
  ];
}

async function writable(folder: string): Promise<string> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return `clones can be made in ${folder}`;
  } catch (error) {
    throw fileRefusal(error, folder);
  }
}

async function domain(hypervisor: Hypervisor, name: string, disk: string | null): Promise<string> {
  const uuid = await hypervisor.uuidOf(name);
  if (!uuid) throw new DriverError("bad-configuration", `there is no domain ${name}`);
  if (disk !== null && !(await hypervisor.disks(uuid)).includes(disk)) {
    throw new DriverError("bad-configuration", `domain ${name} has no disk ${disk}`);
  }
  const state = await hypervisor.state(uuid);
  if (state && isActive(state)) {
    throw new DriverError("no-capacity", `domain ${name} is active already: ${state.state}`);
  }
  return `domain ${name} is defined`;
}
