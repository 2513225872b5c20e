/** What a version changed, in one line. Pure. */

import { changeSourceName } from "../change-sources/change-source-schema";
import { canonicalJson } from "./compile";
import { list, record } from "./legible";

const NOUNS: Readonly<Record<string, string>> = {
  workers: "worker",
  pools: "pool",
  locks: "lock",
  builders: "builder",
  schedulers: "scheduler",
  change_source: "change source",
  reporters: "reporter",
};

const LONGEST = 300;

export function summarise(before: unknown, after: unknown): string {
  if (before === undefined) return "first version";
  if (canonicalJson(before) === canonicalJson(after)) return "comments and layout";
  const [old, now] = [record(before), record(after)];
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  const said = keys
    .filter((key) => canonicalJson(old[key]) !== canonicalJson(now[key]))
    .flatMap((key) => changes(key, old[key], now[key]));
  const text = said.join("; ");
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

function changes(key: string, before: unknown, after: unknown): string[] {
  const noun = NOUNS[key];
  if (!noun) {
    return [
      `${before === undefined ? "added" : after === undefined ? "removed" : "changed"} ${key}`,
    ];
  }
  const [old, now] = [byName(before), byName(after)];
  const added = [...now.keys()].filter((name) => !old.has(name));
  const removed = [...old.keys()].filter((name) => !now.has(name));
  const changed = [...now].flatMap(([name, item]) => {
    const was = old.get(name);
    if (was === undefined || canonicalJson(was) === canonicalJson(item)) return [];
    const options = [...new Set([...Object.keys(record(was)), ...Object.keys(record(item))])];
    const which = options.filter(
      (option) => canonicalJson(record(was)[option]) !== canonicalJson(record(item)[option]),
    );
    return [`${name} (${which.join(", ")})`];
  });
  const said = [
    ...sentence("added", noun, added),
    ...sentence("changed", noun, changed),
    ...sentence("removed", noun, removed),
  ];
  return said.length > 0 ? said : [`changed the order of ${noun}s`];
}

function sentence(verb: string, noun: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  return [`${verb} ${noun}${names.length > 1 ? "s" : ""} ${names.join(", ")}`];
}

function byName(value: unknown): Map<string, unknown> {
  const items = Array.isArray(value) ? list(value) : value === undefined ? [] : [value];
  return new Map(
    items.map((item) => [
      String(record(item).name ?? (changeSourceName(record(item)) || record(item).type)),
      item,
    ]),
  );
}
