import { hostname } from "node:os";
import { resolve } from "node:path";
import { z } from "zod";
import { flag, optionalText, port, ranges, seconds, textOr, url } from "./fields";

/** Shortest key that is accepted: 32 random bytes are 43 characters in base64url. */
const SECRET_KEY_LENGTH = 32;

const variables = z.object({
  NODE_ENV: optionalText,
  PORT: port(8010),
  SLIPWAY_BIND: textOr("127.0.0.1"),
  SLIPWAY_PUBLIC_URL: url("http", "https"),
  SLIPWAY_TRUSTED_PROXY: ranges,
  SLIPWAY_LIVE_PORT: port(8011),
  SLIPWAY_LIVE_BIND: textOr("127.0.0.1"),
  SLIPWAY_LIVE_URL: url("http", "https"),
  SLIPWAY_PB_PORT: port(9989, { zeroIsOff: true }),
  SLIPWAY_MSGPACK_PORT: port(9990, { zeroIsOff: true }),
  SLIPWAY_WORKER_BIND: textOr("127.0.0.1"),
  SLIPWAY_WORKER_ADVERTISE: optionalText,
  SLIPWAY_SOCKET_DRAIN_SECONDS: seconds(0, 86_400),
  SLIPWAY_TLS_CERT: optionalText,
  SLIPWAY_TLS_KEY: optionalText,
  SLIPWAY_HOSTED: flag(false),
  SLIPWAY_DATA_DIR: textOr("./.slipway"),
  SLIPWAY_ARTIFACTS: url("file", "s3"),
  DATABASE_URL: url("postgres", "postgresql"),
  REDIS_URL: url("redis", "rediss", "unix"),
  SLIPWAY_SECRET_KEY: optionalText.refine(
    (value) => value === undefined || value.length >= SECRET_KEY_LENGTH,
    `must have at least ${SECRET_KEY_LENGTH} characters (openssl rand -base64 32 makes one)`,
  ),
  SLIPWAY_ADMIN_EMAIL: optionalText.refine(
    (value) => value === undefined || value.includes("@"),
    "must be an e-mail address",
  ),
  SLIPWAY_ADMIN_PASSWORD: optionalText,
  SLIPWAY_DEMO: flag(true),
  SLIPWAY_SMTP_URL: url("smtp", "smtps"),
  SLIPWAY_MAIL_FROM: optionalText,
});

type Variables = z.output<typeof variables>;

/** Everything that the surroundings decide, read once at boot and passed down as arguments. */
export interface Env {
  web: {
    /** Address and TCP port for people. */
    bind: string;
    port: number;
    /** Without a slash at its end. */
    publicUrl: string;
    /** Addresses or CIDR ranges whose forwarding headers are believed. */
    trustedProxies: string[];
  };
  /** The `socket` process's HTTP port, and where `web` reaches it. */
  live: { bind: string; port: number; url: string };
  workers: {
    bind: string;
    /** Host name that workers are told to connect to. */
    advertise: string;
    /** `null`: this door is closed. */
    pbPort: number | null;
    msgpackPort: number | null;
    /** How long builds may go on when their process is asked to stop, before they are run again. */
    drainSeconds: number;
    tls: { certFile: string; keyFile: string } | null;
  };
  /** Pages are compiled as they are asked for, and faults are explained in the browser. */
  isDevelopment: boolean;
  /** Organisations are strangers: nothing of this host or its network is lent to them. */
  isHosted: boolean;
  /** Absolute path. */
  dataDir: string;
  /** `file:` or `s3:` URL. */
  artifacts: string;
  /** `null`: the embedded database of the data directory. */
  databaseUrl: string | null;
  /** `null`: queues live in PostgreSQL. */
  redisUrl: string | null;
  /** `null`: the key file of the data directory. */
  secretKey: string | null;
  /** First administrator to create without a set-up link. */
  admin: { email: string; password: string } | null;
  /** Whether the first start makes the demo project. */
  withDemo: boolean;
  mail: { smtpUrl: string; from: string } | null;
}

/** A process that works on the installation: its database and key are always known. */
export type ProcessEnv = Env & { databaseUrl: string; secretKey: string };

/** One readable line per wrong setting, each starting with the variable's name. */
export class EnvError extends Error {
  constructor(readonly problems: string[]) {
    super(problems.join("\n"));
    this.name = "EnvError";
  }
}

/**
 * Reads the settings of `docs/architecture.md`.
 *
 * @throws EnvError naming every variable that is wrong or contradicts another
 */
export function readEnv(source: Readonly<Record<string, string | undefined>> = process.env): Env {
  const parsed = variables.safeParse(source);
  if (!parsed.success) {
    throw new EnvError(
      parsed.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`),
    );
  }
  const problems = [...missing(parsed.data), ...portClashes(parsed.data)];
  if (problems.length > 0) throw new EnvError(problems);
  return shape(parsed.data);
}

/**
 * The same for `web`, `socket`, `jobs` and commands that open the database: the supervisor hands
 * the embedded database's address and the key to them in `DATABASE_URL` and `SLIPWAY_SECRET_KEY`.
 *
 * @throws EnvError as `readEnv`, and when either is missing
 */
export function readProcessEnv(
  source: Readonly<Record<string, string | undefined>> = process.env,
): ProcessEnv {
  const env = readEnv(source);
  if (env.databaseUrl === null) {
    throw new EnvError(["DATABASE_URL is required when a process is started alone"]);
  }
  return env as ProcessEnv;
}

/** Settings that only make sense together. */
function missing(v: Variables): string[] {
  const together: [keyof Variables, keyof Variables][] = [
    ["DATABASE_URL", "SLIPWAY_SECRET_KEY"],
    ["SLIPWAY_TLS_CERT", "SLIPWAY_TLS_KEY"],
    ["SLIPWAY_TLS_KEY", "SLIPWAY_TLS_CERT"],
    ["SLIPWAY_ADMIN_EMAIL", "SLIPWAY_ADMIN_PASSWORD"],
    ["SLIPWAY_ADMIN_PASSWORD", "SLIPWAY_ADMIN_EMAIL"],
    ["SLIPWAY_SMTP_URL", "SLIPWAY_MAIL_FROM"],
  ];
  return together
    .filter(([set, needed]) => v[set] !== undefined && v[needed] === undefined)
    .map(([set, needed]) => `${needed} is required when ${set} is set`);
}

/** Whether only programs on this host reach a port bound to that address. */
export const isLoopback = (address: string) => /^(127\.|::1$|localhost$)/.test(address);

function portClashes(v: Variables): string[] {
  const names = ["PORT", "SLIPWAY_LIVE_PORT", "SLIPWAY_PB_PORT", "SLIPWAY_MSGPACK_PORT"] as const;
  return names.flatMap((name, index) =>
    names
      .slice(0, index)
      .filter((other) => v[other] === v[name] && v[name] !== 0)
      .map((other) => `${name} is ${v[name]}, the same as ${other}`),
  );
}

function shape(v: Variables): Env {
  const dataDir = resolve(v.SLIPWAY_DATA_DIR);
  return {
    web: {
      bind: v.SLIPWAY_BIND,
      port: v.PORT,
      publicUrl: (v.SLIPWAY_PUBLIC_URL ?? `http://localhost:${v.PORT}`).replace(/\/+$/, ""),
      trustedProxies: v.SLIPWAY_TRUSTED_PROXY,
    },
    live: {
      bind: v.SLIPWAY_LIVE_BIND,
      port: v.SLIPWAY_LIVE_PORT,
      url: (v.SLIPWAY_LIVE_URL ?? `http://127.0.0.1:${v.SLIPWAY_LIVE_PORT}`).replace(/\/+$/, ""),
    },
    workers: {
      bind: v.SLIPWAY_WORKER_BIND,
      // A door that only this host can reach is not advertised to others.
      advertise:
        v.SLIPWAY_WORKER_ADVERTISE ??
        (isLoopback(v.SLIPWAY_WORKER_BIND) ? v.SLIPWAY_WORKER_BIND : hostname()),
      pbPort: v.SLIPWAY_PB_PORT || null,
      msgpackPort: v.SLIPWAY_MSGPACK_PORT || null,
      drainSeconds: v.SLIPWAY_SOCKET_DRAIN_SECONDS,
      tls:
        v.SLIPWAY_TLS_CERT && v.SLIPWAY_TLS_KEY
          ? { certFile: resolve(v.SLIPWAY_TLS_CERT), keyFile: resolve(v.SLIPWAY_TLS_KEY) }
          : null,
    },
    isDevelopment: v.NODE_ENV === "development",
    isHosted: v.SLIPWAY_HOSTED,
    dataDir,
    artifacts: v.SLIPWAY_ARTIFACTS ?? `file:${dataDir}/artifacts`,
    databaseUrl: v.DATABASE_URL ?? null,
    redisUrl: v.REDIS_URL ?? null,
    secretKey: v.SLIPWAY_SECRET_KEY ?? null,
    admin:
      v.SLIPWAY_ADMIN_EMAIL && v.SLIPWAY_ADMIN_PASSWORD
        ? { email: v.SLIPWAY_ADMIN_EMAIL, password: v.SLIPWAY_ADMIN_PASSWORD }
        : null,
    withDemo: v.SLIPWAY_DEMO,
    mail:
      v.SLIPWAY_SMTP_URL && v.SLIPWAY_MAIL_FROM
        ? { smtpUrl: v.SLIPWAY_SMTP_URL, from: v.SLIPWAY_MAIL_FROM }
        : null,
  };
}
