/**
 * Where the master is, in the words of Twisted's `clientFromString`, which `connection_string` is:
 * `KIND:HOST:PORT:KEY=VALUE…`, any part by its name, and `\\` before a colon that belongs to a part.
 */
import { readAddress } from "./address";
import { UsageError } from "./usage";

export interface ClientString {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly trustRoots: string | null;
  readonly certificate: string | null;
  readonly privateKey: string | null;
}

const KEYS = new Map<string, keyof ClientString | "ignored">([
  ["host", "host"],
  ["port", "port"],
  ["trustRoots", "trustRoots"],
  ["caCertsDir", "trustRoots"],
  ["certificate", "certificate"],
  ["certKey", "certificate"],
  ["privateKey", "privateKey"],
  // Our own limit for a login holds in its place.
  ["timeout", "ignored"],
]);

/** null when the text has no such kind before it. */
export function readClientString(text: string): ClientString | null {
  const [kind = "", ...rest] = parts(text);
  if (!/^(tcp|tls|ssl)$/i.test(kind) || rest.length === 0) return null;
  const told: Partial<Record<keyof ClientString | "ignored", string>> = {};
  for (const [index, part] of rest.entries()) {
    const [, key, value = part] = /^(\w+)=([\s\S]*)$/.exec(part) ?? [];
    const at = key === undefined ? (["host", "port"] as const)[index] : KEYS.get(key);
    if (at === undefined) throw new UsageError(`${text}: ${key ?? part} is not known here`);
    told[at] = value;
  }
  const { host = "", port = "9989" } = told;
  const isBracketed = !host.includes(":") || host.startsWith("[");
  const address = readAddress(`${isBracketed ? host : `[${host}]`}:${port}`, 0);
  const { trustRoots = null, certificate = null, privateKey = null } = told;
  return { ...address, isTls: !/^tcp$/i.test(kind), trustRoots, certificate, privateKey };
}

/** Splits at colons; those after a backslash, or between brackets, are part of a text. */
function parts(text: string): string[] {
  const found = text.match(/(?:\\[\s\S]|\[[^\]]*\]|[^:\\])+|(?<=:|^)(?=:|$)/g) ?? [];
  return found.map((part) => part.replace(/\\([\s\S])/g, "$1"));
}
