/** The public API: from a request to its answer. Everything it needs comes in as an argument. */
import { clientAddress } from "../auth/client-address";
import { ConfigRefused } from "../config";
import type { OrgDatabase } from "../db/org-database";
import { AppError } from "../domain/errors";
import { type FieldErrors, FormInvalid, MAX_FORM_BYTES } from "../domain/force";
import { unstorable } from "../domain/text";
import type { EngineCommands } from "../engine";
import type { FleetCommands } from "../fleet";
import { type Admission, admit } from "./access";
import { activate, readConfigFile } from "./config";
import { readVersions, rollBackVersion, versionsPath } from "./config-versions";
import { control } from "./control";
import { createBuilderIds } from "./force";
import { formsPath, readForms } from "./forceschedulers";
import { asShell, joinByToken, joinPath } from "./join-pool";
import { type Call, codeOf, parseCall, RpcError, type RpcId } from "./json-rpc";
import { findLog, logContents, logRaw } from "./log-content";
import { readMetrics } from "./metrics";
import { type NewWorkerEnv, putWorker } from "./new-worker";
import { createOrganizations } from "./organizations";
import { parsePath } from "./path";
import { readTarget } from "./read";
import { deleteSecret, putSecret, readSecrets, secretInPath } from "./secrets";

export interface RestDeps {
  readonly env: {
    readonly secretKey: string;
    readonly isHosted: boolean;
    readonly workers: NewWorkerEnv["workers"];
    readonly web: { readonly publicUrl: string; readonly trustedProxies: readonly string[] };
  };
  readonly db: OrgDatabase;
  readonly commands: EngineCommands;
  readonly fleet: FleetCommands;
  readonly configChanged: (orgId: number) => void;
  readonly onFault: (error: unknown) => void;
  readonly now: () => number;
}

export interface Rest {
  /** `path` is what follows `/api/v2`, each segment decoded. */
  get(request: Request, slug: string, path: readonly string[]): Promise<Response>;
  post(request: Request, slug: string, path: readonly string[]): Promise<Response>;
  put(request: Request, slug: string, path: readonly string[]): Promise<Response>;
  delete(request: Request, slug: string, path: readonly string[]): Promise<Response>;
}

/** The methods that reach the API. */
export const METHODS = { GET: "get", POST: "post", PUT: "put", DELETE: "delete" } as const;

const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** A number and a word. */
const MAX_JOIN_BYTES = 4_096;

export function createRest(deps: RestDeps): Rest {
  const organization = createOrganizations(deps.db, deps.now);
  const builders = createBuilderIds();
  const enter = (request: Request, slug: string): Promise<Admission> =>
    admit({ ...deps, organization }, slug, request.headers);

  async function read(request: Request, slug: string, path: readonly string[]) {
    const admission = await enter(request, slug);
    if (path.some((segment) => unstorable(segment))) throw invalidPath();
    if (path.length === 1 && path[0] === "config") {
      return new Response(await readConfigFile(admission), {
        headers: { "content-type": "application/yaml; charset=utf-8", "cache-control": "no-store" },
      });
    }
    if (path.length === 1 && path[0] === "metrics") {
      const type = "text/plain; version=0.0.4; charset=utf-8";
      return new Response(await readMetrics(admission), {
        headers: { "content-type": type, "cache-control": "no-store" },
      });
    }
    const versions = versionsPath(path);
    if (versions !== null) {
      const search = new URL(request.url).searchParams;
      return json(await readVersions(admission, versions, search), 200);
    }
    const secret = secretInPath(path);
    if (secret !== null) return json(await readSecrets(admission, secret), 200);
    const search = new URL(request.url).searchParams;
    const forms = formsPath(path);
    if (forms !== null) {
      const text = await admission.within((tx, asker) => {
        asker.mustBeAbleTo("view");
        return readForms(tx, admission.orgId, builders, forms, search);
      });
      return jsonText(text, 200);
    }
    const target = parsePath(path, admission.orgId);
    const isLog = target?.leaf && target.leaf !== "properties";
    const found = await admission.within(async (tx, asker) => {
      asker.mustBeAbleTo("view");
      if (!target) throw invalidPath();
      return isLog ? findLog(tx, target) : readTarget(tx, target, search);
    });
    if (typeof found === "string") return jsonText(found, 200);
    return target?.leaf === "contents"
      ? logContents(deps.db, admission.orgId, found, search)
      : logRaw(deps.db, admission.orgId, found, target?.leaf === "raw_inline");
  }

  async function writeConfig(request: Request, slug: string): Promise<Response> {
    const admission = await enter(request, slug);
    const applied = await activate(deps.env, admission, await boundedJson(request));
    deps.configChanged(admission.orgId);
    return json(applied, 200);
  }

  /** What is not Buildbot's own is changed by PUT and DELETE. */
  async function change(request: Request, slug: string, path: readonly string[]) {
    const admission = await enter(request, slug);
    const versions = request.method === "PUT" ? versionsPath(path) : null;
    if (versions !== null) {
      const search = new URL(request.url).searchParams;
      const applied = await rollBackVersion(deps.env, admission, versions, search);
      deps.configChanged(admission.orgId);
      return json(applied, 200);
    }
    if (request.method === "PUT" && path.length === 2 && path[0] === "workers") {
      const made = await putWorker(deps.env, admission, path, await boundedJson(request));
      deps.configChanged(admission.orgId);
      return json(made, 200);
    }
    const name = secretInPath(path);
    if (!name || unstorable(name)) throw invalidPath();
    if (request.method === "DELETE") return json(await deleteSecret(admission, name), 200);
    const input = await boundedJson(request);
    return json(await putSecret(deps.env.secretKey, admission, name, input), 200);
  }

  /** A machine joins a pool: no call of JSON-RPC, for an init container has little to make one with. */
  async function join(request: Request, slug: string, pool: string): Promise<Response> {
    const admission = await enter(request, slug);
    const text = await boundedText(request, MAX_JOIN_BYTES);
    const from = clientAddress(request.headers, deps.env.web.trustedProxies);
    const made = await joinByToken(deps.env, admission, pool, parsedJson(text || "{}"), from);
    if (new URL(request.url).searchParams.get("format") !== "env") return json(made, 200);
    return new Response(asShell(made), {
      headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" },
    });
  }

  return {
    get: (request, slug, path) =>
      read(request, slug, path).catch((error) => plainError(deps, error)),
    put: (request, slug, path) =>
      change(request, slug, path).catch((error) => plainError(deps, error)),
    delete: (request, slug, path) =>
      change(request, slug, path).catch((error) => plainError(deps, error)),
    async post(request, slug, path) {
      if (path.length === 1 && path[0] === "config") {
        return writeConfig(request, slug).catch((error) => plainError(deps, error));
      }
      const pool = joinPath(path);
      if (pool !== null && !unstorable(pool)) {
        return join(request, slug, pool).catch((error) => plainError(deps, error));
      }
      let call: Call | null = null;
      try {
        const admission = await enter(request, slug);
        const isForm = path[0] === "forceschedulers";
        const text = await boundedText(request, isForm ? MAX_FORM_BYTES : MAX_BODY_BYTES);
        call = parseCall(request.headers.get("content-type"), text);
        if (path.some((segment) => unstorable(segment))) throw invalidPath();
        const result = await control({ ...deps, builders }, admission, path, call);
        return json({ jsonrpc: "2.0", id: call.id, result }, 200);
      } catch (error) {
        return rpcError(deps, error, call?.id ?? null);
      }
    },
  };
}

/** @throws AppError request.malformed, request.too-large */
async function boundedText(request: Request, limit = MAX_BODY_BYTES): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.length;
    if (size > limit) {
      throw new AppError("request.too-large", { limit: `${limit} bytes` });
    }
    parts.push(part);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(parts));
  } catch (error) {
    throw new AppError("request.malformed", { problem: "the body is not UTF-8" }, error);
  }
}

/** @throws AppError request.malformed, request.too-large */
async function boundedJson(request: Request): Promise<unknown> {
  return parsedJson(await boundedText(request));
}

/** @throws AppError request.malformed */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError("request.malformed", { problem: "the body is not JSON" }, error);
  }
}

function invalidPath(): AppError {
  return new AppError("request.not-found", { what: "path" });
}

function plainError(deps: RestDeps, error: unknown): Response {
  if (error instanceof ConfigRefused)
    return json({ error: error.message, errors: error.errors }, 422);
  const known = asAppError(deps, error);
  return json({ error: known.message }, known.entry.status);
}

function rpcError(deps: RestDeps, error: unknown, id: RpcId): Response {
  if (error instanceof RpcError) {
    return rpc(error.status, error.code, error.message, error.id ?? id);
  }
  const known = asAppError(deps, error);
  // As Buildbot does: where the sentence would be stands what is wrong with each field.
  const message = known instanceof FormInvalid ? known.fields : known.message;
  return rpc(known.entry.status, codeOf(known), message, id);
}

function rpc(status: number, code: number, message: string | FieldErrors, id: RpcId): Response {
  return json({ jsonrpc: "2.0", id, error: { code, message } }, status);
}

/** SQLSTATE classes and system errors that say the database is away, not that we are wrong. */
const AWAY = /^(08|57P|53)|^E(CONN|PIPE|HOST|NET|TIMEDOUT)/;

function asAppError(deps: RestDeps, error: unknown): AppError {
  if (error instanceof AppError) return error;
  deps.onFault(error);
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && AWAY.test(code)
    ? new AppError("dependency.unavailable", { what: "the database" }, error)
    : new AppError("internal", {}, error);
}

function json(value: unknown, status: number): Response {
  return jsonText(JSON.stringify(value), status);
}

function jsonText(text: string, status: number): Response {
  const bytes = Buffer.from(text);
  return new Response(bytes, {
    status,
    headers: {
      "content-type": "application/json; charset=utf-8",
      "content-length": String(bytes.length),
      "cache-control": "no-store",
    },
  });
}
