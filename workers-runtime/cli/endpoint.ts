/** Where the master is, as people write it. */
import { UsageError } from "./usage";

export const DEFAULT_PORT = 9989;
const DEFAULT_PROXY_PORT = 8080;

export const PROTOCOLS = ["pb", "msgpack_experimental_v7"] as const;
export type ProtocolName = (typeof PROTOCOLS)[number];

export interface HttpProxy {
  readonly host: string;
  readonly port: number;
  /** `NAME:PASSWORD`, when the proxy wants one. */
  readonly account: string | null;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Directory of PEM certificates to trust in place of the system's. */
  readonly trustRoots: string | null;
  /** Of the WebSocket; Perspective Broker has none. */
  readonly path: string;
  /** An HTTP proxy that tunnels to the master. */
  readonly proxy: HttpProxy | null;
}

/** What is said of the master in `Settings`. */
export interface Whereabouts {
  readonly master: string;
  readonly protocol: ProtocolName;
  readonly useTls: boolean;
  readonly path: string | null;
  readonly proxyConnectionString: string | null;
}

/**
 * The master is `HOST[:PORT]`, `[IPv6]:PORT`, `TCP:HOST:PORT`, `TLS:HOST:PORT[:trustRoots=DIR]`, or for
 * msgpack `ws://HOST:PORT/PATH` and `wss://…`. Throws `UsageError`.
 */
export function readEndpoint(where: Whereabouts): Endpoint {
  const { master, protocol, path, useTls } = where;
  const proxy = where.proxyConnectionString === null ? null : readProxy(where);
  if (path !== null && protocol === "pb") throw new UsageError("--path is for msgpack only");
  if (path !== null && !path.startsWith("/")) throw new UsageError("--path must begin with /");
  if (/^wss?:/i.test(master)) return { ...readUrl(where), proxy };
  const [, kind, rest = ""] = /^(tcp|tls|ssl):(.*)$/i.exec(master) ?? [null, undefined, master];
  const [, trustRoots = null] = /:trustRoots=(.*)$/.exec(rest) ?? [];
  const address = rest.replace(/:trustRoots=.*$/, "").replaceAll("\\:", ":");
  const isTls = useTls || (kind !== undefined && kind.toLowerCase() !== "tcp");
  return { ...readAddress(address, DEFAULT_PORT), isTls, trustRoots, path: path ?? "/", proxy };
}

function readUrl({ master, protocol, path, useTls }: Whereabouts): Omit<Endpoint, "proxy"> {
  if (protocol === "pb") throw new UsageError(`${master}: a WebSocket needs --protocol msgpack_…`);
  const url = URL.canParse(master) ? new URL(master) : null;
  if (url === null || url.hostname === "" || url.username !== "" || url.hash !== "") {
    throw new UsageError(`${master}: not a ws://HOST:PORT/PATH`);
  }
  const isTls = useTls || url.protocol === "wss:";
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port) || (isTls ? 443 : 80),
    ...{ isTls, trustRoots: null, path: path ?? `${url.pathname}${url.search}` },
  };
}

/** `HOST[:PORT]`, `tcp:HOST:PORT` or `http://[NAME:PASSWORD@]HOST[:PORT]`. */
function readProxy({ proxyConnectionString }: Whereabouts): HttpProxy {
  const text = proxyConnectionString ?? "";
  if (!/^https?:\/\//i.test(text)) {
    return { ...readAddress(text.replace(/^tcp:/i, ""), DEFAULT_PROXY_PORT), account: null };
  }
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== "http:") throw new UsageError(`${text}: a proxy is spoken to by http only`);
  const account =
    url.username === ""
      ? null
      : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { host: url.hostname, port: Number(url.port) || 80, account };
}

function readAddress(address: string, defaultPort: number): { host: string; port: number } {
  const match =
    /^\[(?<host>[^\]]+)\](?::(?<port>\d+))?$/.exec(address) ??
    /^(?<host>[^:/\s]+)(?::(?<port>\d+))?$/.exec(address);
  const { host, port = String(defaultPort) } = match?.groups ?? {};
  const number = Number(port);
  if (host === undefined || number < 1 || number > 65_535) {
    throw new UsageError(`${address}: not a HOST[:PORT]`);
  }
  return { host, port: number };
}
