/** What must hold between reporters and workers. Pure. */
import { reporterName } from "../reporters/reporter-schema";
import { nearest, quote } from "./fields";
import { list, record } from "./legible";
import type { Problem } from "./problems";
import type { OrganizationDocument } from "./schema";

export function checkReporters({ reporters, workers }: OrganizationDocument): Problem[] {
  const names = (workers ?? []).map(({ name }) => name);
  const seen = new Set<string>();
  return (reporters ?? []).flatMap((reporter, index): Problem[] => {
    const path = ["reporters", index];
    const unknown = list(record(reporter).workers).flatMap((worker, place): Problem[] => {
      if (typeof worker !== "string" || names.includes(worker)) return [];
      const near = nearest(worker, names);
      const hint = near === null ? "" : `: did you mean ${quote(near)}?`;
      const message = `there is no worker ${quote(worker)}${hint}`;
      return [{ path: [...path, "workers", place], message, of: "value" }];
    });
    const name = reporterName(reporter);
    const isTaken = seen.has(name);
    seen.add(name);
    if (!isTaken) return unknown;
    const message = `another reporter is called ${quote(name)}: give this one a name of its own`;
    return [{ path, message, of: "value" }, ...unknown];
  });
}
