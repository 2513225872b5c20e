/**
 * Git over HTTP as servers offer it: git's own `http-backend` behind an HTTP server, below one folder
 * of bare repositories. `/moved/…` redirects to `/…`, `/private/…` wants user and password, and
 * `/slow/…` never answers.
 */
import { execFileSync, spawn } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";

export interface GitHttpServer {
  readonly url: string;
  close(): Promise<void>;
}

export const GIT_USER = { username: "ada", password: "a-token: with $signs 'and' \"quotes\"" };

export async function startGitHttpServer(folder: string): Promise<GitHttpServer> {
  const backend = `${execFileSync("git", ["--exec-path"], { encoding: "utf8" }).trim()}/git-http-backend`;
  const server = createServer((request, response) => {
    const url = request.url ?? "/";
    if (url.startsWith("/slow/")) return;
    if (url.startsWith("/moved/")) {
      response.writeHead(301, { location: url.replace("/moved", "") }).end();
      return;
    }
    const isPrivate = url.startsWith("/private/");
    const proof = Buffer.from(`${GIT_USER.username}:${GIT_USER.password}`).toString("base64");
    if (isPrivate && request.headers.authorization !== `Basic ${proof}`) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end("who are you?");
      return;
    }
    serve(backend, folder, isPrivate ? url.replace("/private", "") : url, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** One request by CGI (RFC 3875). */
function serve(
  backend: string,
  folder: string,
  url: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const [path = "", query = ""] = url.split("?");
  const child = spawn(backend, {
    env: {
      PATH: process.env.PATH ?? "/usr/bin:/bin",
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: String(request.headers["content-encoding"] ?? ""),
      HTTP_GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      REMOTE_ADDR: "127.0.0.1",
    } as unknown as NodeJS.ProcessEnv,
    stdio: ["pipe", "pipe", "ignore"],
  });
  pipeline(request, child.stdin, () => {});
  let head = Buffer.alloc(0);
  const readHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    child.stdout.off("data", readHead);
    const lines = head.subarray(0, end).toString("latin1").split("\r\n");
    const fields = lines.map((line) => line.split(/:\s*/, 2) as [string, string]);
    const status = fields.find(([name]) => name.toLowerCase() === "status")?.[1];
    response.writeHead(status ? Number.parseInt(status, 10) : 200, Object.fromEntries(fields));
    response.write(head.subarray(end + 4));
    child.stdout.pipe(response);
  };
  child.stdout.on("data", readHead);
  child.once("close", () => response.end());
}
