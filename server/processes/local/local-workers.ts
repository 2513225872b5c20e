/** The `LocalWorker`s of the configuration, as programs that the supervisor keeps running. */
import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Queryable } from "../../db/pool";
import { hostEnv, type ProcessEnv } from "../../env";
import { unseal } from "../../secrets/seal";
import type { ChildSpec } from "../supervisor";
import type { LocalHome } from "./home";

interface Row {
  readonly org: string;
  readonly name: string;
  readonly login_name: string;
  readonly sealed_password: Buffer;
  readonly workdir: string | null;
}

export async function localWorkerPrograms(
  q: Queryable,
  env: ProcessEnv,
  home: LocalHome,
  key: Buffer,
): Promise<ChildSpec[]> {
  if (env.isHosted || !isAnyDoorOpen(env) || !existsSync(home.program)) return [];
  const rows = await q.rows<Row>(
    `select o.slug as org, w.name, w.login_name, w.config->>'workdir' as workdir,
       case when w.password_secret is null then w.sealed_password else s.sealed end as sealed_password
     from worker w join organization o on o.id = w.org_id
     left join secret s on s.org_id = w.org_id and s.name = w.password_secret
     where w.kind = 'LocalWorker' and w.removed_at is null
       and case when w.password_secret is null then w.sealed_password else s.sealed end is not null
     order by w.id`,
  );
  const connection = await connectionOptions(env, home);
  return rows.map((row) => {
    // The worker makes it, with no more rights than it has (W-100). Two levels keep organisations apart.
    const basedir = resolve(home.workers, row.org, row.workdir ?? row.name);
    const options = ["--basedir", basedir, `--name=${row.login_name}`, "--allow-shutdown=signal"];
    return {
      // Unlike the worker's own name, this one is nobody else's in the installation.
      name: `worker ${row.login_name}`,
      command: process.execPath,
      args: [home.program, "run", ...options, ...connection],
      env: {
        ...hostEnv(),
        PATH: `${dirname(process.execPath)}:${hostEnv().PATH ?? "/usr/bin:/bin"}`,
        HOME: basedir,
        SLIPWAY_WORKER_PASSWORD: unseal(key, row.sealed_password),
      },
      cwd: home.workers,
      ...home.account,
      readyOnSpawn: true,
      retireSignal: "SIGHUP",
    };
  });
}

export function isAnyDoorOpen({ workers }: ProcessEnv): boolean {
  return workers.pbPort !== null || workers.msgpackPort !== null;
}

/** Whichever door is open; Perspective Broker when both are. */
async function connectionOptions(env: ProcessEnv, home: LocalHome): Promise<string[]> {
  const { pbPort, msgpackPort, tls } = env.workers;
  const protocol = pbPort === null ? "msgpack_experimental_v7" : "pb";
  const address = `${bracketed(doorHost(env))}:${pbPort ?? msgpackPort}`;
  if (tls === null) return ["--protocol", protocol, "--master", address];
  // What the door shows is trusted as it is: it may be signed by nobody whom this host knows.
  const roots = await home.publish("door", tls.certFile);
  return [
    ...["--protocol", protocol],
    ...["--connection-string", `TLS:${address}:trustRoots=${dirname(roots)}`],
  ];
}

/** How machines of latent workers that are programs of this host reach the doors. */
export async function localDoor(
  env: ProcessEnv,
  home: LocalHome,
): Promise<{ host: string; trustRoots?: string }> {
  const host = doorHost(env);
  const { tls } = env.workers;
  return tls ? { host, trustRoots: dirname(await home.publish("door", tls.certFile)) } : { host };
}

/** The door's address as this host reaches it; a certificate names the advertised one. */
function doorHost(env: ProcessEnv): string {
  const { tls, advertise, bind } = env.workers;
  if (tls) return advertise;
  if (bind === "0.0.0.0") return "127.0.0.1";
  return bind === "::" ? "::1" : bind;
}

const bracketed = (host: string) => (host.includes(":") ? `[${host}]` : host);
