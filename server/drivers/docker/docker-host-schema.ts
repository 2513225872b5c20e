/** Where an engine listens: `unix:///var/run/docker.sock`, `tcp://build-3:2375`. */
import { isPrivateHost } from "../../domain/git/repository-url";

export type DockerHost =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number; readonly isTls: boolean };

const PLAIN_PORT = 2375;
const TLS_PORT = 2376;
const FORMS = "write unix:///var/run/docker.sock or tcp://HOST:PORT";

/** @returns what stands in it, or why it is none, for a person */
export function readDockerHost(text: string): DockerHost | string {
  if (/[\p{C}\s]/u.test(text)) return "must not have spaces or control characters";
  const socket = /^(?:http\+)?unix:\/\/(.*)$/.exec(text)?.[1];
  if (socket !== undefined) {
    const path = socket.replaceAll(/%2f/gi, "/");
    // Docker's Python client takes a path for one from the root, and its manual writes it so.
    const socketPath = path.startsWith("/") ? path : `/${path}`;
    return /^\/[^/]+\/.*[^/]$/.test(socketPath)
      ? { socketPath }
      : `needs the path of a socket: ${FORMS}`;
  }
  const scheme = /^([a-z]+):\/\//.exec(text)?.[1];
  if (scheme === "ssh") {
    return "ssh:// is not supported: expose the engine over TLS (tcp:// with tls), or forward its socket with ssh -L";
  }
  if (scheme === "npipe" || scheme === "fd") {
    return `${scheme}:// is not supported: expose the engine over TLS (tcp:// with tls)`;
  }
  if (scheme !== "tcp" && scheme !== "http" && scheme !== "https") {
    return `is not the address of an engine: ${FORMS}`;
  }
  let url: URL;
  try {
    // Only of the schemes of the web does a URL take its host apart.
    url = new URL(text.replace(/^tcp:/, "http:"));
  } catch {
    return `is not the address of an engine: ${FORMS}`;
  }
  if (url.username !== "" || url.password !== "") return "must not hold a password: use tls";
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    return `has something behind its port: ${FORMS}`;
  }
  const isTls = scheme === "https";
  // Ports that are the scheme's own are not kept by a URL.
  const written = /:(\d+)\/?$/.exec(text)?.[1];
  const port = written === undefined ? (isTls ? TLS_PORT : PLAIN_PORT) : Number(written);
  return { host: url.hostname.replaceAll(/^\[|\]$/g, ""), port, isTls };
}

/** Whether it is the very host that the server runs on, by its spelling. */
export function isOwnHost(at: DockerHost): boolean {
  return "socketPath" in at || /^(localhost|127\.[\d.]+|::1|0\.0\.0\.0)$/.test(at.host);
}

/** Null when a hosted installation may ask it; what its name leads to is looked at when it is asked. */
export function hostedProblem(at: DockerHost): string | null {
  if ("socketPath" in at) {
    return "is on the server's own host, which this installation lends to nobody";
  }
  return isPrivateHost(at.host)
    ? "is in the server's own network, which this installation lends to nobody"
    : null;
}
