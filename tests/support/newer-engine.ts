/**
 * An engine as newer ones are, as far as a driver sees them, and stricter: it knows no path without a
 * version but the one that says which it knows, refuses versions that it has not in Docker's words, takes
 * no field that its newest version does not have, and says as little as that version allows.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { HOST_CONFIG_NAMES } from "../../server/drivers/docker/hostconfig-schema";

export interface NewerEngine {
  readonly host: string;
  /** Which API it speaks. May be changed: somebody replaces it. */
  versions: { newest: string; oldest: string };
  /** What `version` without a version is answered: 404 where it knows no such path. */
  isUnversioned: boolean;
  /** What a build is refused with; null: it is done. */
  noBuilder: string | null;
  /** Method, version and path of each request. */
  readonly asked: string[];
  /** Bodies of builds. */
  readonly contexts: Buffer[];
  /** What it was asked and must not be. */
  readonly faults: string[];
  readonly containers: Map<string, { Id: string; Labels: object; Status: string; Env: string[] }>;
  readonly images: Set<string>;
  close(): Promise<void>;
}

const CREATE = new Set(["Image", "Cmd", "Env", "Labels", "Hostname", "HostConfig"]);
const HOST_CONFIG = new Set(Object.values(HOST_CONFIG_NAMES));

export async function startNewerEngine(
  versions: NewerEngine["versions"] = { newest: "1.52", oldest: "1.44" },
): Promise<NewerEngine> {
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => answer(engine, request, body, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const engine: NewerEngine = {
    host: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ versions, isUnversioned: true, noBuilder: null },
    ...{ asked: [], contexts: [], faults: [], containers: new Map(), images: new Set(["there:1"]) },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return engine;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const number = (version: string) => Number(version.split(".")[1]);

function answer(
  engine: NewerEngine,
  { url = "", method = "" }: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): ServerResponse {
  const say = (status: number, value?: unknown) =>
    response
      .writeHead(status, { "content-type": "application/json" })
      .end(value === undefined ? "" : JSON.stringify(value));
  const refuse = (status: number, message: string) => say(status, { message });
  const stream = (...lines: object[]) =>
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(lines.map((line) => `${JSON.stringify(line)}\r\n`).join(""));
  const [, version, path = "", query = ""] = /^(?:\/v(\d+\.\d+))?(\/[^?]*)\??(.*)$/.exec(url) ?? [];
  engine.asked.push(`${method} ${version ?? "-"} ${path}`);
  const { newest, oldest } = engine.versions;
  if (version === undefined) {
    if (path !== "/version" || !engine.isUnversioned) return refuse(404, "page not found");
    return say(200, { Version: "29.0.0", ApiVersion: newest, MinAPIVersion: oldest });
  }
  if (number(version) < number(oldest)) {
    return refuse(
      400,
      `client version ${version} is too old. Minimum supported API version is ${oldest}, please upgrade your client to a newer version`,
    );
  }
  if (number(version) > number(newest)) {
    return refuse(
      400,
      `client version ${version} is too new. Maximum supported API version is ${newest}`,
    );
  }
  const parameters = new URLSearchParams(query);
  const [, kind, name = "", verb = ""] = path.split("/").map(decodeURIComponent);
  if (path === "/containers/json") {
    return say(
      200,
      [...engine.containers.values()].map(({ Id, Labels }) => ({ ...{ Id, Labels }, Created: 1 })),
    );
  }
  if (path === "/containers/create") {
    const spec = JSON.parse(body.toString()) as Record<string, object>;
    for (const key of Object.keys(spec)) if (!CREATE.has(key)) engine.faults.push(key);
    for (const key of Object.keys(spec.HostConfig ?? {})) {
      if (!HOST_CONFIG.has(key)) engine.faults.push(`HostConfig.${key}`);
    }
    const { Labels = {}, Env } = spec as unknown as { Labels: object; Env: string[] };
    const key = parameters.get("name") ?? "";
    engine.containers.set(key, { Id: `id-of-${key}`, Labels, Status: "created", Env });
    return say(201, { Id: `id-of-${key}`, Warnings: ["a warning"] });
  }
  if (kind === "containers") {
    const [key, found] =
      [...engine.containers].find(([each, { Id }]) => each === name || Id === name) ?? [];
    if (key === undefined || found === undefined) return refuse(404, `No such container: ${name}`);
    if (method === "DELETE") {
      engine.containers.delete(key);
      return say(204);
    }
    if (verb === "start") found.Status = "running";
    if (verb === "start" || verb === "stop") return say(204);
    const { Id, Labels, Status, Env } = found;
    // What is empty is not said.
    return say(200, {
      Id,
      Created: "2026-01-01T00:00:00Z",
      State: { Status },
      Config: { Labels, Env },
    });
  }
  if (path === "/images/create") {
    engine.images.add(`${parameters.get("fromImage")}:${parameters.get("tag")}`);
    const progressDetail = (current: number) => ({ progressDetail: { current, total: 100 } });
    return parameters.get("fromImage") === "closed"
      ? stream({ errorDetail: { message: "unauthorized: authentication required" } })
      : stream(
          { status: "Pulling fs layer", id: "aa", progressDetail: {} },
          ...Array.from({ length: 100 }, (_, at) => ({
            status: "Downloading",
            id: "aa",
            ...progressDetail(at),
          })),
          { status: "Status: Downloaded newer image" },
        );
  }
  if (path === "/images/json") return say(200, []);
  if (kind === "images" && verb === "json") {
    return engine.images.has(name)
      ? say(200, { Id: "sha256:aa", Config: {}, Descriptor: { digest: "sha256:aa" } })
      : refuse(404, `No such image: ${name}`);
  }
  if (path === "/build") {
    if (engine.noBuilder !== null) return refuse(400, engine.noBuilder);
    engine.contexts.push(body);
    engine.images.add(parameters.get("t") ?? "");
    return stream({ stream: "Step 1/1 : FROM there:1\n" }, { aux: { ID: "sha256:bb" } });
  }
  return refuse(404, "page not found");
}
