/** JSON-RPC 2.0 as Buildbot's API speaks it: one call, named parameters, no batches. */
import { z } from "zod";
import type { AppError } from "../domain/errors";

export const CODES = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
} as const;

export type RpcId = string | number | null;

export interface Call {
  readonly id: RpcId;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** A call that cannot be carried out, with the HTTP status that Buildbot uses. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
    readonly id: RpcId = null,
  ) {
    super(message);
  }
}

const envelope = z.object({
  jsonrpc: z.literal("2.0", { error: 'jsonrpc must be "2.0"' }),
  method: z.string({ error: "method must be text" }).max(100),
  id: z.union([z.string().max(200), z.number(), z.null()], {
    error: "id must be text or a number",
  }),
  params: z.record(z.string(), z.unknown(), { error: "params must be a map" }).default({}),
});

/** @throws RpcError */
export function parseCall(contentType: string | null, body: string): Call {
  if (contentType?.split(";")[0]?.trim().toLowerCase() !== "application/json") {
    throw new RpcError(400, CODES.invalidRequest, "the content type must be application/json");
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new RpcError(400, CODES.parse, "the body is not JSON");
  }
  if (Array.isArray(value)) {
    throw new RpcError(400, CODES.invalidRequest, "batches of calls are not supported");
  }
  const parsed = envelope.safeParse(value);
  if (parsed.success) return parsed.data;
  const id = z.object({ id: z.union([z.string(), z.number()]) }).safeParse(value).data?.id ?? null;
  const message = parsed.error.issues[0]?.message ?? "this is not a call";
  throw new RpcError(400, CODES.invalidRequest, message, id);
}

export function codeOf(error: AppError): number {
  switch (error.code) {
    case "request.method-unknown":
      return CODES.methodNotFound;
    case "request.malformed":
    case "form.invalid":
      return CODES.invalidParams;
    default:
      return error.entry.status < 500 ? CODES.invalidRequest : CODES.internal;
  }
}
