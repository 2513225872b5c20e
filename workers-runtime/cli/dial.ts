/** How a socket to the master is opened: straight or through an HTTP proxy, with TLS or without. */
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { Environment } from "../process/environment";
import type { Endpoint, HttpProxy } from "./endpoint";
import { inDirectory, trusted } from "./trusted";

const TCP_KEEPALIVE_MS = 60_000;
const PROXY_TIMEOUT_MS = 30_000;

/** A socket on its way to the master. Small packets go at once: a step is many of them. */
export async function dial(
  endpoint: Endpoint,
  environ: Environment,
  signal: AbortSignal,
): Promise<Duplex> {
  const { host, port, isTls, proxy } = endpoint;
  const tunnelled = proxy === null ? null : await tunnel(proxy, endpoint, signal);
  const plain = () => tunnelled ?? connectTcp({ host, port });
  const socket = isTls ? dialTls(endpoint, environ, tunnelled) : plain();
  const outer = tunnelled ?? socket;
  outer.setNoDelay(true);
  outer.setKeepAlive(true, TCP_KEEPALIVE_MS);
  return socket;
}

function dialTls(endpoint: Endpoint, environ: Environment, tunnelled: Socket | null): Socket {
  const { host, port, trustRoots, certificate, privateKey } = endpoint;
  const authorities = trustRoots === null ? trusted(environ) : inDirectory(trustRoots);
  const socket = connectTls({
    ...(tunnelled === null ? { port } : { socket: tunnelled }),
    host,
    // An address cannot be asked for by name; the certificate is checked against it all the same.
    ...(isIP(host) === 0 && { servername: host }),
    ...(authorities !== null && { ca: authorities }),
    // Whoever puts a master's own certificate there means to trust it, whoever signed it.
    ...(trustRoots !== null && { allowPartialTrustChain: true }),
    ...(certificate !== null && { cert: readFileSync(certificate) }),
    // One file may hold both.
    ...(certificate !== null && { key: readFileSync(privateKey ?? certificate) }),
  });
  tunnelled?.on("error", (error) => socket.destroy(error));
  return socket;
}

/** A connection to the master through `proxy` (HTTP's CONNECT). */
function tunnel(proxy: HttpProxy, { host, port }: Endpoint, signal: AbortSignal): Promise<Socket> {
  const target = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const account = proxy.account && Buffer.from(proxy.account).toString("base64");
  return new Promise((resolve, reject) => {
    const asked = request({
      ...{ host: proxy.host, port: proxy.port, method: "CONNECT", path: target, agent: false },
      headers: { host: target, ...(account && { "proxy-authorization": `Basic ${account}` }) },
      ...{ signal, timeout: PROXY_TIMEOUT_MS },
    });
    const failed = (why: string) => reject(new Error(`the proxy ${proxy.host}: ${why}`));
    asked.once("connect", (answer, socket, head) => {
      if (answer.statusCode !== 200) {
        socket.destroy();
        failed(`${answer.statusCode} ${answer.statusMessage}`);
        return;
      }
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket as Socket);
    });
    asked.once("timeout", () => asked.destroy(new Error("no answer")));
    asked.once("error", (error) => failed(error.message));
    asked.end();
  });
}
