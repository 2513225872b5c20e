/** What a machine is called, whose it is, and what its worker needs to log in (W-114, W-121). */
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import { DriverError, type InstanceTag, type StartOrder } from "../../drivers/contract";

const LONGEST = 63;

export interface Named {
  readonly installation: string;
  readonly orgSlug: string;
  readonly workerId: number;
  readonly workerName: string;
}

/**
 * `bb-<installation>-<organisation>-<worker>-<hash>-<generation>`: a name at any provider. The hash is
 * of the worker's id, so that names that look alike, `a_b` and `a-b`, never meet.
 */
export function instanceKey(of: Named, generation: number): string {
  const hash = createHash("sha256").update(`worker ${of.workerId}`).digest("hex").slice(0, 8);
  const [before, after] = [`bb-${of.installation}-`, `-${hash}-${generation}`];
  const middle = `${of.orgSlug}-${of.workerName}`.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const fitting = middle.slice(0, LONGEST - before.length - after.length);
  return before + fitting.replace(/^-+|-+$/g, "") + after;
}

/** 160 random bits in letters and digits; one for each machine. */
export const newPassword = () => randomBytes(20).toString("hex");

/** Where the workers on machines log in. */
export interface MasterAddress {
  readonly host: string;
  readonly port: number;
  readonly protocol: "pb" | "msgpack";
}

/** Our doors, as they are known to workers everywhere; null: closed. */
export interface MasterDoors {
  readonly host: string;
  readonly ports: Readonly<Record<MasterAddress["protocol"], number | null>>;
}

const addressOptions = z.object({
  masterFQDN: z.string().nullish(),
  master_protocol: z.enum(["pb", "msgpack_experimental_v7"]).nullish(),
});

/**
 * Where a machine's worker logs in, as its options have it (W-115): at our public address unless they
 * name another, and always at the port of the protocol that it speaks.
 * @throws DriverError when there is no such door
 */
export function masterAddress({ host, ports }: MasterDoors, config: unknown): MasterAddress {
  const { masterFQDN, master_protocol } = addressOptions.safeParse(config).data ?? {};
  const wanted = master_protocol === "msgpack_experimental_v7" ? "msgpack" : master_protocol;
  const protocol = wanted ?? (ports.pb === null ? "msgpack" : "pb");
  const port = ports[protocol];
  if (port === null) {
    throw new DriverError("bad-configuration", `the door for ${protocol} is closed here`);
  }
  if (!masterFQDN) return { host, port, protocol };
  const [, bracketed, named, given] = ADDRESS.exec(masterFQDN) ?? [];
  // A v6 address alone has colons, and no port.
  const other = bracketed ?? named ?? masterFQDN;
  return { host: other, port: given ? Number(given) : port, protocol };
}

const ADDRESS = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/;

export function startOrder(
  instance: { readonly key: string; readonly tag: InstanceTag },
  master: MasterAddress,
  login: { readonly name: string; readonly password: string },
): StartOrder {
  return { key: instance.key, tag: instance.tag, agent: { ...master, ...login } };
}
