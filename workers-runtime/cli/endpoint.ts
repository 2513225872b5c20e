/** Where the master is, and how a socket to it is opened. */
import { readdirSync, readFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { UsageError } from "./usage";

export const DEFAULT_PORT = 9989;
const TCP_KEEPALIVE_MS = 60_000;

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Directory of PEM certificates to trust in place of the system's. */
  readonly trustRoots: string | null;
}

/** Reads `HOST[:PORT]`, `[IPv6]:PORT`, `TCP:HOST:PORT` or `TLS:HOST:PORT[:trustRoots=DIR]`. */
export function readEndpoint(master: string, useTls: boolean): Endpoint {
  const [, kind, rest = ""] = /^(tcp|tls|ssl):(.*)$/i.exec(master) ?? [
    undefined,
    undefined,
    master,
  ];
  const [, trustRoots = null] = /:trustRoots=(.*)$/.exec(rest) ?? [];
  const address = rest.replace(/:trustRoots=.*$/, "").replaceAll("\\:", ":");
  const match =
    /^\[(?<host>[^\]]+)\](?::(?<port>\d+))?$/.exec(address) ??
    /^(?<host>[^:]+)(?::(?<port>\d+))?$/.exec(address);
  const { host, port = String(DEFAULT_PORT) } = match?.groups ?? {};
  const number = Number(port);
  if (host === undefined || number < 1 || number > 65_535) {
    throw new UsageError(`${master}: not a HOST[:PORT]`);
  }
  const isTls = useTls || (kind !== undefined && kind.toLowerCase() !== "tcp");
  return { host, port: number, isTls, trustRoots };
}

/** A socket on its way to the master. Small packets go at once: a step is many of them. */
export function dial({ host, port, isTls, trustRoots }: Endpoint): Duplex {
  const socket = isTls
    ? connectTls({ host, port, servername: host, ...(trustRoots ? { ca: roots(trustRoots) } : {}) })
    : connectTcp({ host, port });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, TCP_KEEPALIVE_MS);
  return socket;
}

function roots(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith(".pem"));
  return names.map((name) => readFileSync(join(directory, name), "utf8"));
}
