/** What must hold of the disks of machines on libvirt: each machine has one of its own. Pure. */
import { placeholdersIn } from "../drivers/libvirt/schema";
import { quote } from "./fields";
import type { Problem } from "./problems";
import type { OrganizationDocument } from "./schema";

export function checkDisks({ workers = [], pools = [] }: OrganizationDocument): Problem[] {
  const seen = new Map<string, string>();
  const shared = workers.flatMap((worker, index): Problem[] => {
    const disk = fixedDisk(worker);
    if (!worker || disk === null) return [];
    const other = seen.get(disk);
    if (other === undefined) seen.set(disk, worker.name);
    if (other === undefined || other === worker.name) return [];
    const message = `is the disk of worker ${quote(other)} too: with xml write {{key}} into it`;
    return [{ path: ["workers", index, "hd_image"], message, of: "value" }];
  });
  const pooled = pools.flatMap((pool, index): Problem[] => {
    if (!pool || fixedDisk(pool.worker) === null) return [];
    const path = ["pools", index, "worker", "hd_image"];
    const message = "is one disk for all workers of the pool: write {{key}} into it, and use xml";
    return [{ path, message, of: "value" }];
  });
  return [...shared, ...pooled];
}

/** The same whatever the machine, at that hypervisor; null for others. */
function fixedDisk(worker: unknown): string | null {
  if (typeof worker !== "object" || worker === null) return null;
  const { type, uri, hd_image: disk } = worker as Readonly<Record<string, unknown>>;
  if (type !== "LibVirtWorker" || typeof disk !== "string") return null;
  return placeholdersIn(disk).length > 0 ? null : JSON.stringify([uri ?? null, disk]);
}
