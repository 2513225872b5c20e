import { delimiter } from "node:path";
import type { ProcessEnv } from "./read-env";

/** What any program needs of the host to run, find its tools, reach the network and print. */
const OF_THE_HOST = [
  ...["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE"],
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"],
  ...["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"],
] as const;

/** Credentials of an object store, as its SDKs look for them. */
const OF_AWS = /^AWS_[A-Z0-9_]+$/;

type Source = Readonly<Record<string, string | undefined>>;

/** For `spawn`. Next's types want NODE_ENV in every environment; programs that are not ours do not. */
type ChildEnv = NodeJS.ProcessEnv;

/** Of `source`, only what a program that is not ours may see: no key, no database, no password. */
export function hostEnv(source: Source = process.env): ChildEnv {
  const env = pick(source, (name) => (OF_THE_HOST as readonly string[]).includes(name));
  return env.PATH === undefined ? env : { ...env, PATH: withoutNpm(env.PATH) };
}

/** `npm start` puts programs of our packages in front of the host's: a build must not find those. */
function withoutNpm(path: string): string {
  const isNpms = (folder: string) => /\/node_modules\/\.bin$|\/node-gyp-bin$/.test(folder);
  return path
    .split(delimiter)
    .filter((folder) => !isNpms(folder))
    .join(delimiter);
}

/**
 * The whole environment of `web`, `socket` or `jobs`: the settings as resolved here, and of our own
 * environment nothing but what the host gives to any program. The administrator's first password
 * stays with the supervisor.
 */
export function childEnv(env: ProcessEnv, source: Source = process.env): ChildEnv {
  const settings: Record<string, string | number | undefined> = {
    NODE_ENV: env.isDevelopment ? "development" : "production",
    NEXT_TELEMETRY_DISABLED: 1,
    NEXTAUTH_URL: env.web.publicUrl,
    PORT: env.web.port,
    SLIPWAY_BIND: env.web.bind,
    SLIPWAY_PUBLIC_URL: env.web.publicUrl,
    SLIPWAY_TRUSTED_PROXY: env.web.trustedProxies.join(","),
    SLIPWAY_LIVE_PORT: env.live.port,
    SLIPWAY_LIVE_BIND: env.live.bind,
    SLIPWAY_LIVE_URL: env.live.url,
    SLIPWAY_PB_PORT: env.workers.pbPort ?? 0,
    SLIPWAY_MSGPACK_PORT: env.workers.msgpackPort ?? 0,
    SLIPWAY_SOCKET_DRAIN_SECONDS: env.workers.drainSeconds,
    SLIPWAY_WORKER_BIND: env.workers.bind,
    SLIPWAY_WORKER_ADVERTISE: env.workers.advertise,
    SLIPWAY_TLS_CERT: env.workers.tls?.certFile,
    SLIPWAY_TLS_KEY: env.workers.tls?.keyFile,
    SLIPWAY_HOSTED: env.isHosted ? 1 : 0,
    SLIPWAY_DATA_DIR: env.dataDir,
    SLIPWAY_ARTIFACTS: env.artifacts,
    DATABASE_URL: env.databaseUrl,
    REDIS_URL: env.redisUrl ?? undefined,
    SLIPWAY_SECRET_KEY: env.secretKey,
    SLIPWAY_DEMO: env.withDemo ? 1 : 0,
    SLIPWAY_SMTP_URL: env.mail?.smtpUrl,
    SLIPWAY_MAIL_FROM: env.mail?.from,
  };
  const set = Object.entries(settings).filter(([, value]) => value !== undefined && value !== "");
  return {
    ...hostEnv(source),
    ...pick(source, (name) => OF_AWS.test(name)),
    ...Object.fromEntries(set.map(([name, value]) => [name, String(value)])),
  };
}

function pick(source: Source, wanted: (name: string) => boolean): ChildEnv {
  return Object.fromEntries(
    Object.entries(source).filter(([name, value]) => value !== undefined && wanted(name)),
  ) as ChildEnv;
}
