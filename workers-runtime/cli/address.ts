/** `HOST[:PORT]`, where an IPv6 address stands in brackets. */
import { UsageError } from "./usage";

export function readAddress(address: string, defaultPort: number): { host: string; port: number } {
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
