/**
 * A registry of images (the one that Docker distributes, Debian package docker-registry), with data of
 * its own and, where wanted, users and TLS; and a gate in front of it that makes it slow or cuts it off.
 * Where it is not installed the suites that need it skip themselves and say why.
 *
 *     const registry = await startDockerRegistry({ user: USER });
 *     await registry.push(engine.docker, "tiny", "team/tiny:1", USER);   // it has it, the engine not
 *     image: `${registry.name}/team/tiny:1`
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import { freePort } from "./free-ports";

export interface RegistryUser {
  readonly username: string;
  readonly password: string;
}

export interface DockerRegistry {
  /** As it stands in names of images. */
  readonly name: string;
  readonly gate: Gate;
  /** An image of the engine's is pushed under this name, and the engine has it no more under that. */
  push(docker: Docker, image: string, as: string, user?: RegistryUser): Promise<string>;
  /** It and its gate. */
  stop(): Promise<void>;
}

export interface DockerRegistryOptions {
  readonly user?: RegistryUser;
  /** An address of this host's, where 127.0.0.1 will not do; default: that. */
  readonly host?: string;
  readonly tls?: { readonly certPath: string; readonly keyPath: string };
}

const PROGRAM = ["/usr/bin/docker-registry", "/usr/local/bin/docker-registry"].find(existsSync);
const START_MS = 15_000;

/** Whether there can be one here; says why not. */
export function hasDockerRegistry(): boolean {
  const missing =
    PROGRAM === undefined
      ? "docker-registry is not installed (Debian package docker-registry)"
      : !existsSync("/usr/bin/perl")
        ? "no perl to make its password file"
        : null;
  if (missing !== null) console.warn(`skipped: no registry of images: ${missing}`);
  return missing === null;
}

export async function startDockerRegistry(
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  const { user, host = "127.0.0.1", tls } = options;
  const folder = mkdtempSync(join(tmpdir(), "slipway-registry-"));
  const port = await freePort();
  const at = (name: string) => join(folder, name);
  mkdirSync(at("data"));
  writeFileSync(at("users"), user ? `${user.username}:${hashed(user.password)}\n` : "");
  const config = {
    version: "0.1",
    log: { level: "warn" },
    storage: { filesystem: { rootdirectory: at("data") }, cache: { blobdescriptor: "inmemory" } },
    http: {
      ...{ addr: `${host}:${port}`, secret: "of this test" },
      ...(tls && { tls: { certificate: tls.certPath, key: tls.keyPath } }),
    },
    ...(user && { auth: { htpasswd: { realm: "images", path: at("users") } } }),
  };
  writeFileSync(at("config.yml"), JSON.stringify(config));
  const service = spawn(PROGRAM as string, ["serve", at("config.yml")], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
  });
  const said: string[] = [];
  service.stderr?.on("data", (bytes) => said.push(String(bytes)));
  const ended = new Promise((resolve) => service.once("exit", resolve));
  const gate = await openGate(host, port);
  async function stop() {
    await gate.close();
    service.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
  try {
    await listening(service, host, port);
  } catch (error) {
    await stop();
    throw new Error(`the registry does not start: ${said.join("").slice(-500)}`, { cause: error });
  }
  const name = `${host}:${gate.port}`;
  return {
    name,
    gate,
    async push(docker, image, as, pusher = user) {
      const full = `${name}/${as}`;
      const [repo, tag] = [full.slice(0, full.lastIndexOf(":")), full.split(":").at(-1)];
      await docker.getImage(image).tag({ repo, tag });
      const authconfig = { ...pusher, serveraddress: name } as Docker.AuthConfig;
      const stream = await docker.getImage(full).push({ ...(pusher && { authconfig }) });
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        if (String(chunk).includes('"error"')) throw new Error(String(chunk));
      }
      await docker.getImage(full).remove();
      return full;
    },
    stop,
  };
}

/** As htpasswd files have it for bcrypt. */
function hashed(password: string): string {
  const salt = randomBytes(16).toString("hex").slice(0, 21);
  const script = "print crypt($ENV{PASSWORD}, '$2y$05$' . $ENV{SALT} . 'u')";
  const env = { ...process.env, PASSWORD: password, SALT: salt };
  return execFileSync("/usr/bin/perl", ["-e", script], { env, encoding: "utf8" });
}

async function listening(service: ChildProcess, host: string, port: number): Promise<void> {
  for (const giveUpAt = Date.now() + START_MS; ; ) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const probe = connect({ host, port });
      probe.once("connect", () => resolve(true)).once("error", () => resolve(false));
      probe.once("connect", () => probe.destroy());
    });
    if (isOpen) return;
    if (service.exitCode !== null || Date.now() > giveUpAt) throw new Error("it does not listen");
    await sleep(20);
  }
}

export interface Gate {
  readonly port: number;
  /** Of what the registry sends, so many bytes come through from now on, and then nothing. */
  stallAfter(bytes: number): void;
  /** Everything comes through again, what was held back first. */
  flow(): void;
  /** Connections are cut, and none is taken, until `open`. */
  shut(): Promise<void>;
  open(): Promise<void>;
  /** Whether something waits behind the gate. */
  readonly isHolding: boolean;
  close(): Promise<void>;
}

async function openGate(host: string, target: number): Promise<Gate> {
  const sockets = new Set<Socket>();
  const held = new Set<() => void>();
  let allowance = Number.POSITIVE_INFINITY;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  };
  const server: Server = createServer((client) => {
    const upstream = connect({ host, port: target });
    keep(client);
    keep(upstream);
    client.pipe(upstream);
    upstream.on("data", (bytes) => {
      allowance -= bytes.length;
      const pass = () => client.write(bytes);
      if (allowance >= 0) return pass();
      upstream.pause();
      const release = () => {
        pass();
        upstream.resume();
      };
      held.add(release);
      client.once("close", () => held.delete(release));
    });
    upstream.once("close", () => client.destroy());
    client.once("close", () => upstream.destroy());
  });
  const listen = (port: number) =>
    new Promise<void>((resolve) => server.listen(port, host, resolve));
  await listen(0);
  const { port } = server.address() as { port: number };
  const shut = async () => {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const flow = () => {
    allowance = Number.POSITIVE_INFINITY;
    for (const release of held) release();
    held.clear();
  };
  return {
    port,
    stallAfter(bytes) {
      allowance = bytes;
    },
    flow,
    shut,
    async open() {
      flow();
      await listen(port);
    },
    get isHolding() {
      return held.size > 0;
    },
    close: shut,
  };
}
