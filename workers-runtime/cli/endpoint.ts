/** Where the master is, as people write it. */
import { readAddress } from "./address";
import { readClientString } from "./client-string";
import { UsageError } from "./usage";

export const DEFAULT_PORT = 9989;
const DEFAULT_PROXY_PORT = 8080;
const NO_FILES = { trustRoots: null, certificate: null, privateKey: null } as const;

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
  /** PEM files by which this worker shows who it is, where the master's proxy asks for that. */
  readonly certificate: string | null;
  readonly privateKey: string | null;
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
  const described = readClientString(master);
  const isTls = useTls || described?.isTls === true;
  const address = described ?? { ...readAddress(master, DEFAULT_PORT), ...NO_FILES };
  return { ...address, isTls, path: path ?? "/", proxy };
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
    ...{ isTls, ...NO_FILES, path: path ?? `${url.pathname}${url.search}` },
  };
}

/** `HOST[:PORT]`, `tcp:HOST:PORT` or `http://[NAME:PASSWORD@]HOST[:PORT]`. */
function readProxy({ proxyConnectionString }: Whereabouts): HttpProxy {
  const text = proxyConnectionString ?? "";
  if (!/^https?:\/\//i.test(text)) {
    const told = readClientString(text);
    if (told?.isTls) throw new UsageError(`${text}: a proxy is spoken to without TLS only`);
    const { host, port } = told ?? readAddress(text, DEFAULT_PROXY_PORT);
    return { host, port, account: null };
  }
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== "http:") throw new UsageError(`${text}: a proxy is spoken to by http only`);
  const account =
    url.username === ""
      ? null
      : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { host: url.hostname, port: Number(url.port) || 80, account };
}
