/** Which documents refer to which secrets. */
import { secretsIn } from "../domain/properties";
import type { StoredConfig } from "./stored";

type Documents = Pick<StoredConfig["documents"], "organization" | "projects">;

/** Name of a secret → what refers to it: `worker bot-linux`, `project demo: builder runtests`. */
export function secretUsers({ organization, projects }: Documents): Map<string, string[]> {
  const users = new Map<string, Set<string>>();
  collect(users, "", organization);
  for (const [name, document] of Object.entries(projects)) {
    collect(users, `project ${name}: `, document);
  }
  return new Map([...users].map(([name, places]) => [name, [...places]]));
}

function collect(users: Map<string, Set<string>>, prefix: string, document: object): void {
  for (const [part, items] of Object.entries(document)) {
    for (const [index, item] of (Array.isArray(items) ? items : [items]).entries()) {
      const given = (item as { name?: unknown } | null)?.name;
      const name =
        typeof given === "string" ? ` ${given}` : Array.isArray(items) ? ` ${index + 1}` : "";
      const place = `${prefix}${part.replace(/s$/, "")}${name}`;
      for (const secret of secretsIn(item)) {
        users.set(secret, (users.get(secret) ?? new Set()).add(place));
      }
    }
  }
}
