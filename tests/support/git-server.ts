/** Real servers of a bare repository: git's own HTTP back end behind node, and sshd. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { freePort } from "./free-ports";

export interface GitServer {
  /** Of the repository. */
  readonly url: string;
  close(): Promise<void>;
}

export interface HttpGitServer extends GitServer {
  readonly redirecting: string;
  /** Answers that many fetches with 500 before it serves again. */
  refuseFetches(count: number): void;
}

/**
 * @param login who may come in, as `user:password`; null: everybody
 * @param tls key and certificate for `localhost`
 */
export async function serveOverHttp(
  repository: string,
  login: string | null = null,
  tls: { readonly key: string; readonly cert: string } | null = null,
): Promise<HttpGitServer> {
  const expected = login === null ? null : `Basic ${Buffer.from(login).toString("base64")}`;
  let refusals = 0;
  const serve: RequestListener = (request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (refusals > 0 && url.pathname.endsWith("/info/refs")) {
      refusals -= 1;
      response.writeHead(500).end();
      return;
    }
    if (url.pathname.startsWith("/moved/")) {
      response
        .writeHead(301, {
          location: `http://${request.headers.host}${url.pathname.replace("/moved/", "/")}${url.search}`,
        })
        .end();
      return;
    }
    if (expected !== null && request.headers.authorization !== expected) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
      return;
    }
    const child = spawn("git", ["http-backend"], {
      env: {
        PATH: process.env.PATH,
        GIT_PROJECT_ROOT: dirname(repository),
        GIT_HTTP_EXPORT_ALL: "1",
        GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
        PATH_INFO: url.pathname,
        QUERY_STRING: url.search.slice(1),
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        HTTP_CONTENT_ENCODING: String(request.headers["content-encoding"] ?? ""),
        REMOTE_ADDR: "127.0.0.1",
      } as unknown as NodeJS.ProcessEnv,
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.stdin.on("error", () => {});
    request.pipe(child.stdin);
    let head = Buffer.alloc(0);
    child.stdout.on("data", (data: Buffer) => {
      if (response.headersSent) {
        response.write(data);
        return;
      }
      head = Buffer.concat([head, data]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      const lines = head.subarray(0, end).toString().split("\r\n");
      const fields = lines.map((line) => line.split(/:\s*/, 2) as [string, string]);
      const status = fields.find(([name]) => name === "Status")?.[1] ?? "200";
      const headers = Object.fromEntries(fields.filter(([name]) => name !== "Status"));
      response.writeHead(Number.parseInt(status, 10), headers);
      response.write(head.subarray(end + 4));
    });
    child.stdout.once("end", () => response.end());
  };
  const server = tls === null ? createHttpServer(serve) : createHttpsServer({ ...tls }, serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const base = tls === null ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
  return {
    url: `${base}/${basename(repository)}`,
    refuseFetches(count) {
      refusals = count;
    },
    redirecting: `${base}/moved/${basename(repository)}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

const SSHD = "/usr/sbin/sshd";
/** sshd gives its sessions to any account only as root. */
export const hasSshd = (): boolean => existsSync(SSHD) && process.getuid?.() === 0;

export interface SshServer extends GitServer {
  /** The private key that is let in, the server's public key, and one that is not its. */
  readonly key: string;
  readonly hostKey: string;
  readonly otherHostKey: string;
}

export async function serveOverSsh(repository: string): Promise<SshServer> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-sshd-"));
  mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
  const makeKey = (name: string) => {
    const path = join(folder, name);
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path]);
    const [type, value] = readFileSync(`${path}.pub`, "utf8").split(" ");
    return { path, publicKey: `${type} ${value}` };
  };
  const host = makeKey("host");
  const client = makeKey("client");
  const other = makeKey("other");
  writeFileSync(join(folder, "allowed"), `${client.publicKey}\n`);
  const port = await freePort();
  writeFileSync(
    join(folder, "config"),
    [
      ...[`Port ${port}`, "ListenAddress 127.0.0.1", `HostKey ${host.path}`],
      ...[`AuthorizedKeysFile ${join(folder, "allowed")}`, "StrictModes no", "UsePAM no"],
      ...["PasswordAuthentication no", "PermitRootLogin prohibit-password", "PidFile none"],
    ].join("\n"),
  );
  const child = spawn(SSHD, ["-D", "-e", "-f", join(folder, "config")], { stdio: "ignore" });
  await answering(port, child);
  return {
    url: `ssh://root@127.0.0.1:${port}${repository}`,
    key: readFileSync(client.path, "utf8"),
    hostKey: host.publicKey,
    otherHostKey: other.publicKey,
    async close() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answering(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => setTimeout(() => resolve(false), 20));
    });
    if (isThere) return;
  }
  throw new Error(`sshd ended with ${child.exitCode}`);
}
