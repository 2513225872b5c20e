/** What an engine says, in the five words that a driver has. */
import type { DriverErrorCode } from "../../domain/latent";
import { DriverError } from "../contract";

/** What the engine refused: its own words, and the status that they came with. */
export class EngineRefusal extends Error {
  override readonly name = "EngineRefusal";

  constructor(
    /** Null: it came in the middle of an answer that had begun well. */
    readonly status: number | null,
    message: string,
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(bothEnds(message));
  }
}

const MOST_WORDS = 8_000;

/** What it means stands at the beginning or at the end; looked for in all of it, it may take minutes. */
function bothEnds(text: string): string {
  if (text.length <= MOST_WORDS) return text;
  return `${text.slice(0, MOST_WORDS / 2)} … ${text.slice(-MOST_WORDS / 2)}`;
}

interface NoEngineOptions extends ErrorOptions {
  readonly status?: number;
  readonly retryAfterSeconds?: number | null;
}

/** The engine could not be asked, or what answered is none. */
export class NoEngine extends Error {
  override readonly name = "NoEngine";
  /** Of an answer that came all the same. */
  readonly status: number | null;
  readonly retryAfterSeconds: number | null;

  constructor(message: string, { status, retryAfterSeconds, ...options }: NoEngineOptions = {}) {
    super(message, options);
    this.status = status ?? null;
    this.retryAfterSeconds = retryAfterSeconds ?? null;
  }
}

interface Known {
  readonly says: RegExp;
  readonly code: DriverErrorCode;
  readonly advice?: string;
}

/** First match decides. */
const KNOWN: readonly Known[] = [
  {
    says: /client version [\d.]+ is too (old|new)/i,
    code: "bad-configuration",
    advice: "Leave version out: the newest is taken that both know.",
  },
  {
    says: /requires BuildKit|BuildKit is required|(legacy|classic) builder (is|has been|was)|unknown instruction: <<|Unknown flag: (mount|link|chmod|parents|checksum)/i,
    code: "bad-configuration",
    advice:
      "Images are built here as engines build them without BuildKit: build this one elsewhere, push it to a registry, and set autopull.",
  },
  {
    says: /(operating system|platform|OS\/Arch).*(does not match|cannot be used)|no matching manifest|exec format error/i,
    code: "bad-configuration",
    advice: "The image was made for another operating system or processor than the engine's host.",
  },
  {
    says: /toomanyrequests|rate limit/i,
    code: "quota",
    advice: "The registry limits how often images are pulled.",
  },
  {
    says: /no space left|cannot allocate memory|not enough (cpu|memory)|resource temporarily unavailable/i,
    code: "no-capacity",
    advice: "The engine's host is full.",
  },
  {
    says: /no basic auth credentials|unauthorized|authentication required|incorrect username or password|access forbidden/i,
    code: "bad-configuration",
    advice:
      "The registry does not let the engine in: check registry_auth, its user and its password.",
  },
  {
    says: /(pull access denied|repository does not exist|manifest.*(unknown|not found)|name unknown|requested access to the resource is denied)/i,
    code: "bad-configuration",
    advice: "Check the name and the tag of the image, and whether registry_auth may pull it.",
  },
  {
    says: /server gave HTTP response to HTTPS client/i,
    code: "bad-configuration",
    advice:
      "The registry has no TLS: list it in insecure-registries of the engine's daemon.json, or give it a certificate.",
  },
  {
    says: /x509: |certificate (signed by unknown authority|is not valid|has expired)/i,
    code: "bad-configuration",
    advice:
      "The engine does not trust the registry's certificate: lay its authority on the engine's host at /etc/docker/certs.d/REGISTRY/ca.crt.",
  },
  {
    says: /(lookup .*: no such host|connection refused|i\/o timeout|network is unreachable|TLS handshake timeout|no route to host|Temporary failure in name resolution|server misbehaving|context deadline exceeded)/i,
    code: "provider-down",
    advice: "The engine's host does not reach the registry.",
  },
  {
    says: /no such image/i,
    code: "bad-configuration",
    advice: "Pull it on the engine's host, or set autopull.",
  },
  {
    says: /(executable file not found|command that was not found|no such file or directory: unknown|permission denied: unknown)/i,
    code: "bad-configuration",
    advice: "The command is not in the image.",
  },
];

/** @param doing what was being done, such as `image X could not be pulled` */
export function driverError(doing: string, error: unknown, hidden: readonly string[] = []): Error {
  if (error instanceof DriverError) return error;
  const { retryAfterSeconds = null } = error as { retryAfterSeconds?: number | null };
  if (error instanceof NoEngine) {
    // What stands in its place, a proxy say, may show what it was sent.
    const said = without(hidden, error.message).slice(0, LONGEST_OF_OTHERS);
    return new DriverError("provider-down", said, { retryAfterSeconds });
  }
  if (!(error instanceof EngineRefusal)) return error as Error;
  const known = KNOWN.find(({ says }) => says.test(error.message));
  const code = known?.code ?? codeOf(error.status);
  const said = without(hidden, error.message.trim()).slice(0, LONGEST);
  const advice = known?.advice ? ` ${known.advice}` : "";
  const words = `${doing}: ${said}${/[.!?]$/.test(said) || !advice ? "" : "."}${advice}`;
  return new DriverError(code, words, { retryAfterSeconds });
}

const LONGEST = 2_000;
/** Most of it is a page, which says who answers in its first lines. */
const LONGEST_OF_OTHERS = 400;

/** 400: it does not understand what it is asked, and will not tomorrow. */
function codeOf(status: number | null): DriverErrorCode {
  if (status === 400) return "bad-configuration";
  if (status === 404) return "not-found";
  if (status === 429) return "quota";
  return "provider-down";
}

/** What must not be read stands as `<hidden>`. */
export function without(hidden: readonly string[], text: string): string {
  return hidden
    .filter((value) => value.length > 0)
    .reduce((kept, value) => kept.replaceAll(value, "<hidden>"), text);
}
