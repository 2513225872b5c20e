/**
 * How requests of `dockerode` reach an engine. Its own way follows redirects to wherever they lead,
 * reads answers of any length and takes its address from our environment; this one does neither.
 *
 * Whatever goes wrong is an `EngineRefusal` (the engine says no), `NoEngine` (nothing there that is an
 * engine), a `DriverError` (TLS as it is configured cannot work), or the reason of the signal.
 */
import { type ClientRequest, type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import type { Readable } from "node:stream";
import Docker from "dockerode";
import { z } from "zod";
import { DriverError } from "../contract";
import { retryAfterSeconds } from "../retry-after";
import { isOutOfDate, type Versions, versionFor } from "./api-version";
import type { Endpoint } from "./endpoint";
import { EngineRefusal, NoEngine } from "./errors";

/** What `dockerode` hands to its transport. */
interface Options {
  readonly path: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly signal?: AbortSignal;
}
interface Context {
  readonly isStream?: boolean;
  readonly statusCodes: Readonly<Record<string, unknown>>;
}
type Callback = (error: unknown, answer?: unknown) => void;

const VERSION = /^\d{1,2}\.\d{1,3}$/;
const LONGEST_MS = 120_000;
const ALIVE_MS = 30_000;
/** Of one thing; and of what there is any number of, or what a container printed. */
const LARGEST_ANSWER = 2 * 1024 * 1024;
const LARGEST_LIST = 16 * 1024 * 1024;
const IS_LIST = /\/(containers|images)\/json(\?|$)|\/logs(\?|$)/;
const LARGEST_REFUSAL = 64 * 1024;

export function openDockerode(endpoint: Endpoint, version: string | null): Docker {
  // Where it would connect to is never looked at; given, so that it does not ask the environment.
  const docker = new Docker({
    ...{ socketPath: "/", host: undefined, port: undefined, protocol: "http", headers: {} },
    ...{ ca: undefined, cert: undefined, key: undefined, pathPrefix: "/", timeout: undefined },
    ...(version === null ? {} : { version }),
  } as Docker.DockerOptions);
  const modem = docker.modem as unknown as { buildRequest: unknown };
  modem.buildRequest = (options: Options, context: Context, data: Data, callback: Callback) => {
    const asking =
      version === null
        ? askInItsVersion(endpoint, options, context, data)
        : ask(endpoint, options, context, data);
    asking.then((answer) => callback(null, answer), callback);
  };
  return docker;
}

type Data = string | Buffer | NodeJS.ReadableStream | undefined;

async function askInItsVersion(
  endpoint: Endpoint,
  options: Options,
  context: Context,
  data: Data,
): Promise<unknown> {
  const attempt = async () => {
    const version = await versionFor(endpoint, () => versionsOf(endpoint, options));
    return ask(endpoint, { ...options, path: `/v${version}${options.path}` }, context, data);
  };
  try {
    return await attempt();
  } catch (error) {
    const isSpent = typeof data === "object" && !Buffer.isBuffer(data);
    if (!isOutOfDate(endpoint, error) || isSpent) throw error;
    return attempt();
  }
}

const versionsSchema = z
  .object({
    ApiVersion: z.string().regex(VERSION),
    MinAPIVersion: z.string().regex(VERSION).nullish(),
  })
  .transform(({ ApiVersion, MinAPIVersion }) => ({
    ...{ newest: ApiVersion, oldest: MinAPIVersion ?? null },
  }));

async function versionsOf(endpoint: Endpoint, { signal }: Options): Promise<Versions | null> {
  const asked = { path: "/version", method: "GET", headers: {}, ...(signal && { signal }) };
  let answer: unknown;
  try {
    answer = await ask(endpoint, asked, { statusCodes: { 200: true } }, undefined);
  } catch (error) {
    const isRefusal = error instanceof EngineRefusal || error instanceof NoEngine;
    // It has no paths without one.
    if (isRefusal && error.status === 404) return null;
    throw error;
  }
  const parsed = versionsSchema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new NoEngine(`what answers at ${endpoint.address} is no Docker engine: it has no version`);
}

async function ask(
  endpoint: Endpoint,
  { path, method, headers, signal: patience }: Options,
  { isStream = false, statusCodes }: Context,
  data: Data,
): Promise<unknown> {
  // Not all calls of `dockerode` pass a signal on.
  const own = isStream ? [] : [AbortSignal.timeout(LONGEST_MS)];
  const signal = AbortSignal.any([...(patience ? [patience] : []), ...own]);
  signal.throwIfAborted();
  const { at, calls, streams, isTls } = endpoint;
  const agent = isStream ? streams : calls;
  const where =
    "socketPath" in at ? { socketPath: at.socketPath } : { host: at.host, port: at.port };
  const failed = (error: unknown) => {
    if (patience?.aborted) return patience.reason;
    return signal.aborted
      ? new NoEngine(`the engine at ${endpoint.address} gave no answer for ${LONGEST_MS / 1_000} s`)
      : noEngine(endpoint, error);
  };
  let request: ClientRequest | null = null;
  try {
    const asking = (isTls ? requestTls : requestPlain)({
      ...{ ...where, agent, path, method, signal },
      // The engine does not look at it, and a socket has none.
      headers: { ...headers, host: "socketPath" in at ? "docker" : `${at.host}:${at.port}` },
    });
    request = asking;
    // A host that is gone without a word is missed in less than a minute, also in the middle of a pull.
    asking.once("socket", (socket) => socket.setKeepAlive(true, ALIVE_MS));
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      asking.once("response", resolve);
      asking.on("error", reject);
      if (data === undefined || typeof data === "string" || Buffer.isBuffer(data)) {
        asking.end(data);
      } else {
        data.on("error", (error) => asking.destroy(error));
        // An engine may answer before it has read all, and then reads no more.
        asking.once("close", () => (data as Readable).destroy());
        data.pipe(asking);
      }
    });
    const status = response.statusCode ?? 0;
    if (statusCodes[status] !== true) throw await refusal(endpoint, status, response);
    if (isStream) return response;
    const most = IS_LIST.test(path) ? LARGEST_LIST : LARGEST_ANSWER;
    return answerOf(response, await bodyOf(response, most));
  } catch (error) {
    request?.destroy();
    if (error instanceof EngineRefusal || error instanceof NoEngine) throw error;
    throw error instanceof DriverError ? error : failed(error);
  }
}

async function bodyOf(response: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw new NoEngine(`an answer of more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** JSON where it says so; what a container printed may look like JSON and is not. */
function answerOf({ headers }: IncomingMessage, body: Buffer): unknown {
  if (!headers["content-type"]?.startsWith("application/json")) return body;
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return body;
  }
}

const refusalSchema = z.union([
  z.object({ message: z.string().min(1) }).transform(({ message }) => message),
  z.object({ cause: z.string().min(1) }).transform(({ cause }) => cause),
]);

async function refusal(
  { address }: Endpoint,
  status: number,
  response: IncomingMessage,
): Promise<Error> {
  // It has none, and is no fault: there was nothing to change.
  if (status === 304) {
    response.resume();
    return new EngineRefusal(304, "not modified");
  }
  const text = (await bodyOf(response, LARGEST_REFUSAL)).toString("utf8").trim();
  if (/HTTP request to an HTTPS server/i.test(text)) {
    return new DriverError("bad-configuration", `the engine at ${address} wants TLS: set tls`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {}
  const said = refusalSchema.safeParse(parsed);
  const wait = retryAfterSeconds(status, response.headers["retry-after"], Date.now());
  if (said.success) return new EngineRefusal(status, said.data, wait);
  // All of it: what is hidden in it is found only as a whole.
  const shown = text.replaceAll(/\s+/g, " ");
  return new NoEngine(
    `what answers at ${address} is no Docker engine: HTTP ${status}${shown ? `, ${shown}` : ""}`,
    { status, retryAfterSeconds: wait },
  );
}

/** Of the operating system and of TLS: what it means, and what to do. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [/^ENOENT$/, "there is no such socket: is the engine running?"],
  [/^EACCES$/, "the account that runs Slipway may not open the socket: see its group"],
  [/^ECONNREFUSED$/, "nothing listens there: is the engine running?"],
  [/^ENOTFOUND$/, "there is no host of this name"],
  [/^EAI_AGAIN$/, "the name of the host cannot be looked up now"],
  [/^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/, "the host cannot be reached"],
];
const TLS_PROBLEM =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|EPROTO|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA)/;

function noEngine({ address, isTls }: Endpoint, error: unknown): Error {
  if (error instanceof NoEngine || error instanceof DriverError) return error;
  const { code = "", message } = error as NodeJS.ErrnoException;
  if (isTls && (TLS_PROBLEM.test(code) || /\balert\b|certificate/i.test(message))) {
    const said = message.replace(/^.*:SSL routines:[^:]*:([^:]+):.*$/s, "$1").trim();
    const words = `TLS with the engine at ${address} fails: ${said}. ${advice(code, message)}`;
    return new DriverError("bad-configuration", words, { cause: error });
  }
  const meaning = MEANINGS.find(([known]) => known.test(code))?.[1];
  const words = meaning ?? `the connection broke: ${message}`;
  return new NoEngine(`the engine at ${address} does not answer: ${words}`, { cause: error });
}

function advice(code: string, message: string): string {
  if (/wrong.version|packet.length|http.request/i.test(code + message)) {
    return "It does not speak TLS: leave tls out, or name the port that does.";
  }
  if (/ALTNAME|HOSTNAME/.test(code)) return "Its certificate is for another name than docker_host.";
  if (/alert|REQUIRED/i.test(message + code))
    return "It does not accept our certificate: see cert.";
  if (/EXPIRED/.test(code)) return "Its certificate is too old.";
  return /PEM|key|KEY|OSSL/.test(code)
    ? "See whether ca, cert and key are what they should be."
    : "Its certificate is not by the authority in ca.";
}
