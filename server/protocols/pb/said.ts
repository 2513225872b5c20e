/** What a worker says of itself (protocol §2.9), out of jelly. */
import type { Said } from "../worker-facts";
import type { Jelly } from "./codec";
import { asNumber, asString, Dictionary } from "./codec";

/** Worker information is a dictionary with dictionaries in it, no deeper. */
const DEPTH = 2;

/** What workers of before 0.9 tell in three calls instead of one. */
export interface AncientFacts {
  readonly commands: Jelly;
  readonly version: Jelly;
}

export function saidOf(value: Jelly, ancient?: AncientFacts): Said {
  const said = new Map(Object.entries({ version: plain(ancient?.version ?? null, 0) }));
  const told = plain(value, DEPTH);
  if (told instanceof Map) for (const [key, member] of told) said.set(key, member);
  if (!said.has("worker_commands")) {
    const commands = said.get("slave_commands") ?? plain(ancient?.commands ?? null, 1);
    said.set("worker_commands", commands);
  }
  return said;
}

function plain(value: Jelly, depth: number): Said {
  if (value instanceof Dictionary && depth > 0) {
    const entries = value.entries.flatMap(([key, member]) => {
      const name = asString(key);
      return name === null ? [] : [[name, plain(member, depth - 1)] as const];
    });
    return new Map(entries);
  }
  if (typeof value === "boolean") return value;
  return asString(value) ?? asNumber(value);
}
