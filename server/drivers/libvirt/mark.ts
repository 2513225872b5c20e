/**
 * How a domain of ours is known: by elements in its metadata, there from its first moment on. Ours says
 * whose it is, and which domain it was written for, so that a copy of a domain is not taken for it.
 * The other is Buildbot's own, with the worker's login, for whoever carries it into the machine.
 */
import { z } from "zod";
import {
  type AgentLogin,
  type InstanceTag,
  instanceTagSchema,
  machineKeySchema,
} from "../contract";
import { escapeXml } from "./domain-xml";

export const MARK = { uri: "urn:slipway:machine", key: "slipway" } as const;
export const AUTH = { uri: "http://buildbot.net/", key: "buildbot" } as const;

export interface Mark {
  /** The UUID of the domain. */
  readonly domain: string;
  readonly key: string;
  readonly tag: InstanceTag;
}

const markSchema = z.object({ domain: z.string(), key: machineKeySchema });

/** Attributes of one element, as an element of no namespace or of one. */
function element(name: string, attributes: Record<string, string | number>, of?: string): string {
  const pairs = Object.entries(attributes).map(
    ([attribute, value]) => ` ${attribute}="${escapeXml(String(value))}"`,
  );
  const prefix = of ? "m:" : "";
  const namespace = of ? ` xmlns:m="${of}"` : "";
  return `<${prefix}${name}${namespace}${pairs.join("")}/>`;
}

export const markElement = ({ domain, key, tag }: Mark, of?: string) =>
  element("machine", { domain, key, ...tag }, of);

export const authElement = ({ name, password, host, port, protocol }: AgentLogin, of?: string) =>
  element("auth", { username: name, password, master: host, port, protocol }, of);

/** What a hypervisor says of a domain's mark; null for what is none of ours. */
export function readMark(text: string): Mark | null {
  const found = /<machine((?:\s+[a-z]+=(?:"[^"<]*"|'[^'<]*'))*)\s*\/?>/.exec(text);
  if (!found) return null;
  const pairs = [...(found[1] ?? "").matchAll(/([a-z]+)=(?:"([^"]*)"|'([^']*)')/g)];
  const values = Object.fromEntries(pairs.map(([, name, a, b]) => [name, a ?? b]));
  const numbers = ["organization", "worker", "generation"].map((name) => [
    name,
    values[name] === undefined ? undefined : Number(values[name]),
  ]);
  const tag = instanceTagSchema.safeParse({ ...values, ...Object.fromEntries(numbers) });
  const rest = markSchema.safeParse(values);
  return tag.success && rest.success ? { ...rest.data, tag: tag.data } : null;
}
