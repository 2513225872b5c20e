/** `hostconfig` in the engine's names and units. */
import type { JsonValue } from "../../domain/properties";
import { DriverError } from "../contract";
import { HOST_CONFIG_NAMES } from "./hostconfig-schema";
import type { DockerConfig } from "./schema";

/** `binds` are the volumes, whatever else is said; `init` reaps what builds leave and hears a stop. */
export function hostConfigOf({
  hostconfig,
  volumes,
}: Pick<DockerConfig, "hostconfig" | "volumes">): Record<string, unknown> {
  const named = Object.entries(hostconfig).map(([name, value]) => {
    const engines = HOST_CONFIG_NAMES[name] ?? name;
    return [engines, CONVERT[engines]?.(value, name) ?? value] as const;
  });
  return { Init: true, ...Object.fromEntries(named), Binds: [...volumes] };
}

type Convert = (value: JsonValue, name: string) => unknown;

const bytes: Convert = (value, name) => {
  if (typeof value !== "string") return value;
  const [, number, unit = ""] = /^(-?\d+(?:\.\d+)?)([bkmgt]?)b?$/i.exec(value.trim()) ?? [];
  const inAll = Math.round(Number(number) * 1_024 ** "bkmgt".indexOf(unit.toLowerCase() || "b"));
  // What is no number in JSON would be no limit at all.
  if (number === undefined || !Number.isSafeInteger(inAll)) {
    throw new DriverError(
      "bad-configuration",
      `hostconfig: ${name} must be a number of bytes, or one such as 512m or 2g`,
    );
  }
  return inAll;
};

const isMap = (value: JsonValue): value is { [key: string]: JsonValue } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A map `{a: b}` as a list `a:b`. */
const pairs: Convert = (value) =>
  isMap(value) ? Object.entries(value).map(([one, other]) => `${one}:${other}`) : value;

/** Each name of a map begins with a capital. */
const capitals: Convert = (value) =>
  isMap(value)
    ? Object.fromEntries(
        Object.entries(value).map(([name, each]) => [
          name.charAt(0).toUpperCase() + name.slice(1),
          each,
        ]),
      )
    : value;

const each =
  (convert: Convert): Convert =>
  (value, name) =>
    Array.isArray(value) ? value.map((one) => convert(one, name)) : value;

const CONVERT: Readonly<Record<string, Convert>> = {
  Memory: bytes,
  MemoryReservation: bytes,
  MemorySwap: bytes,
  ShmSize: bytes,
  ExtraHosts: pairs,
  Links: pairs,
  LogConfig: capitals,
  RestartPolicy: capitals,
  Ulimits: each(capitals),
  Tmpfs: (value) =>
    Array.isArray(value)
      ? Object.fromEntries(
          value.map((entry) => {
            const [path = "", ...options] = String(entry).split(":");
            return [path, options.join(":")];
          }),
        )
      : value,
  Devices: each((value) => {
    if (typeof value !== "string") return value;
    const [host = "", inside = host, permissions = "rwm"] = value.split(":");
    return { PathOnHost: host, PathInContainer: inside, CgroupPermissions: permissions };
  }),
  PortBindings: (value) =>
    isMap(value)
      ? Object.fromEntries(
          Object.entries(value).map(([port, on]) => [
            port.includes("/") ? port : `${port}/tcp`,
            typeof on === "number" || typeof on === "string" ? [{ HostPort: String(on) }] : on,
          ]),
        )
      : value,
};
