/** Commands over HTTP: SLIPWAY_URL names the organisation, SLIPWAY_TOKEN speaks for the caller. */
import { readRemoteEnv } from "../../env";
import { CommandError, EXIT, type Io } from "./io";

export interface Remote {
  /** Of the organisation's pages. */
  readonly url: string;
  /** Path below `/api/v2`. */
  get<T>(path: string): Promise<T>;
  stream(path: string): Promise<AsyncIterable<Uint8Array>>;
  text(path: string): Promise<string>;
  rpc<T>(path: string, method: string, params: object): Promise<T>;
  /** PUT and DELETE, for what is not Buildbot's own. */
  send<T>(method: "PUT" | "DELETE", path: string, body?: object): Promise<T>;
  /** The answer whatever its status. */
  post(path: string, body: object): Promise<{ readonly status: number; readonly body: unknown }>;
}

export function remote(io: Io): Remote {
  const { url, token } = readRemoteEnv(io.env);

  async function request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (token !== null) headers.set("authorization", `Bearer ${token}`);
    try {
      return await fetch(`${url}/api/v2${path}`, { ...init, headers });
    } catch (error) {
      const cause = (error as { cause?: { message?: string; code?: string } }).cause;
      const why = cause?.message || cause?.code || (error as Error).message;
      throw new CommandError(`${url} cannot be reached: ${why}`, EXIT.unavailable);
    }
  }

  async function good(path: string, init?: RequestInit): Promise<Response> {
    const response = await request(path, init);
    if (!response.ok) throw await refusal(url, token !== null, response);
    return response;
  }

  const sendJson = (body: object, method = "POST"): RequestInit => ({
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });

  return {
    url,
    get: async <T>(path: string) => (await (await good(path)).json()) as T,
    stream: async (path) => {
      const { body } = await good(path);
      return (body ?? []) as AsyncIterable<Uint8Array>;
    },
    text: async (path) => (await good(path)).text(),
    async rpc<T>(path: string, method: string, params: object) {
      const call = { jsonrpc: "2.0", id: 1, method, params };
      const { result } = (await (await good(path, sendJson(call))).json()) as { result: T };
      return result;
    },
    send: async <T>(method: "PUT" | "DELETE", path: string, body?: object) =>
      (await (await good(path, body ? sendJson(body, method) : { method })).json()) as T,
    async post(path, body) {
      const response = await request(path, sendJson(body));
      if ([401, 403, 503].includes(response.status)) {
        throw await refusal(url, token !== null, response);
      }
      return { status: response.status, body: await response.json().catch(() => null) };
    },
  };
}

/** One line for a person, whatever answered. */
async function refusal(url: string, hasToken: boolean, response: Response): Promise<CommandError> {
  const body = (await response.json().catch(() => null)) as { error?: unknown } | null;
  const said = sentence(body?.error);
  const { status } = response;
  if (status === 401) {
    const why = hasToken
      ? `${url} does not know SLIPWAY_TOKEN: it is wrong, expired, revoked, or of another organisation`
      : `${url} asks for a token: set SLIPWAY_TOKEN (slipway token create makes one)`;
    return new CommandError(why, EXIT.denied);
  }
  if (status === 403) return new CommandError(`SLIPWAY_TOKEN may not: ${said ?? ""}`, EXIT.denied);
  if (status === 503) return new CommandError(said ?? `${url} is not ready`, EXIT.unavailable);
  if (said !== null) return new CommandError(said);
  const hint = status === 404 ? ": does SLIPWAY_URL end with the organisation's name?" : "";
  return new CommandError(`${url} answered ${status}, and not as Slipway does${hint}`);
}

/** `{"error": "…"}`, or the error of a JSON-RPC answer. */
export function sentence(error: unknown): string | null {
  if (typeof error === "string") return oneLine(error);
  const message = (error as { message?: unknown } | null | undefined)?.message;
  if (typeof message === "string") return oneLine(message);
  if (typeof message !== "object" || message === null) return null;
  // A form that is not filled in right: field by field.
  return Object.entries(message)
    .map(([field, problem]) => oneLine(`${field} ${problem}`))
    .join("\n");
}

const MAX_SENTENCE = 500;

/** It may repeat what it was given, whatever that was. */
function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{C}\u2028\u2029]+/gu, " ");
  return line.length > MAX_SENTENCE ? `${line.slice(0, MAX_SENTENCE)}...` : line;
}
