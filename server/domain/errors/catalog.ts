/**
 * Every error a person or a program may meet: what it says, whether trying again helps, and the
 * HTTP status it is answered with. Each has a page in docs/errors/. A red build is not an error.
 */
export interface ErrorEntry {
  readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 422 | 429 | 500 | 501 | 503;
  readonly retry: "never" | "later" | "now";
  /** One sentence for a person; `{name}` is filled from the details. */
  readonly message: string;
}

export const CATALOG = {
  "request.malformed": { status: 400, retry: "never", message: "{problem}" },
  "form.invalid": { status: 400, retry: "never", message: "{problem}" },
  "request.too-large": {
    status: 413,
    retry: "never",
    message: "the request is larger than {limit}",
  },
  "request.not-found": { status: 404, retry: "never", message: "{what} not found" },
  "request.method-unknown": {
    status: 501,
    retry: "never",
    message: "invalid control method {method}",
  },
  "request.conflict": { status: 409, retry: "never", message: "{problem}" },
  "auth.required": { status: 401, retry: "never", message: "sign in, or send a token" },
  "auth.invalid-token": {
    status: 401,
    retry: "never",
    message: "the token is unknown, expired or revoked",
  },
  "auth.token-used-up": {
    status: 403,
    retry: "never",
    message: "the token was used as often as it may be",
  },
  "auth.forbidden": { status: 403, retry: "never", message: "{action} needs {needs}" },
  "auth.too-many-tries": { status: 429, retry: "later", message: "too many tries; wait a minute" },
  "config.invalid": { status: 422, retry: "never", message: "{problem}" },
  "config.stale": {
    status: 409,
    retry: "never",
    message: "somebody changed it meanwhile: {what}",
  },
  "builder.unknown": { status: 404, retry: "never", message: "no builder {builder}" },
  "builder.removed": {
    status: 409,
    retry: "never",
    message: "builder {builder} is not configured any more",
  },
  "secret.unreadable": {
    status: 500,
    retry: "never",
    message: "the secret {name} was sealed under another key: set it again",
  },
  "state.stale": { status: 409, retry: "now", message: "it changed meanwhile; look again" },
  "worker.duplicate-session": {
    status: 409,
    retry: "later",
    message: "worker {worker} is connected already, from {peer}",
  },
  "pool.full": { status: 409, retry: "later", message: "pool {pool} {why}" },
  "dependency.unavailable": { status: 503, retry: "later", message: "{what} cannot be reached" },
  internal: {
    status: 500,
    retry: "later",
    message: "something broke on our side; it is in the log",
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof CATALOG;

export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, string | number>>;

  constructor(
    code: ErrorCode,
    details: Readonly<Record<string, string | number>> = {},
    cause?: unknown,
  ) {
    const text: string = CATALOG[code].message;
    super(
      text.replace(/\{(\w+)\}/g, (_, key: string) => String(details[key] ?? key)),
      cause === undefined ? undefined : { cause },
    );
    this.code = code;
    this.details = details;
  }

  get entry(): ErrorEntry {
    return CATALOG[this.code];
  }
}
