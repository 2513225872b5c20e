/** What must hold between workers. Pure. */
import { quote } from "./fields";
import type { Problem } from "./problems";
import type { WorkerOptions } from "./worker-schema";

/** Builders' directories of one local worker must not lie among another's. */
export function checkWorkerDirectories(workers: readonly WorkerOptions[]): Problem[] {
  const local = workers.flatMap((worker, index) =>
    worker.type === "LocalWorker"
      ? [{ name: worker.name, directory: directoryOf(worker), hasOwn: "workdir" in worker, index }]
      : [],
  );
  return local.flatMap(({ name, directory, hasOwn, index }, place): Problem[] => {
    const other = local
      .slice(0, place)
      .find((one) => isWithin(one.directory, directory) || isWithin(directory, one.directory));
    if (other === undefined || other.name === name) return [];
    return [
      {
        path: ["workers", index, hasOwn ? "workdir" : "name"],
        message: `the directory of worker ${quote(name)} lies in that of ${quote(other.name)}, or holds it`,
        of: "value",
      },
    ];
  });
}

function directoryOf(worker: { readonly name: string; readonly workdir?: string | undefined }) {
  return (worker.workdir ?? worker.name).replaceAll(/\/+/g, "/").replace(/\/$/, "");
}

function isWithin(outer: string, path: string): boolean {
  return path === outer || path.startsWith(`${outer}/`);
}
