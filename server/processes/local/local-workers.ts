/** The `LocalWorker`s of the configuration, as programs that the supervisor keeps running. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Queryable } from "../../db/pool";
import { hostEnv, type ProcessEnv } from "../../env";
import { unseal } from "../../secrets/seal";
import type { ChildSpec } from "../supervisor";
import type { LocalHome } from "./home";

interface Row {
  readonly id: number;
  readonly name: string;
  readonly login_name: string;
  readonly sealed_password: Buffer;
}

export async function localWorkerPrograms(
  q: Queryable,
  env: ProcessEnv,
  home: LocalHome,
  key: Buffer,
): Promise<ChildSpec[]> {
  if (env.isHosted || env.workers.pbPort === null || !existsSync(home.program)) return [];
  const rows = await q.rows<Row>(
    `select id, name, login_name, sealed_password from worker
     where kind = 'LocalWorker' and removed_at is null and sealed_password is not null order by id`,
  );
  const specs: ChildSpec[] = [];
  for (const row of rows) {
    const basedir = join(home.folder, `worker-${row.id}`);
    await home.makeFolder(basedir);
    specs.push({
      name: `worker ${row.name}`,
      command: process.execPath,
      args: [
        home.program,
        "run",
        "--basedir",
        basedir,
        "--master",
        `${doorHost(env)}:${env.workers.pbPort}`,
        "--name",
        row.login_name,
        ...(env.workers.tls ? ["--use-tls"] : []),
      ],
      env: {
        ...hostEnv(),
        PATH: `${dirname(process.execPath)}:${hostEnv().PATH ?? "/usr/bin:/bin"}`,
        HOME: basedir,
        SLIPWAY_WORKER_PASSWORD: unseal(key, row.sealed_password),
      },
      cwd: basedir,
      ...home.account,
      readyOnSpawn: true,
    });
  }
  return specs;
}

/** The door's address as this host reaches it; a certificate names the advertised one. */
function doorHost(env: ProcessEnv): string {
  if (env.workers.tls) return env.workers.advertise;
  return env.workers.bind === "0.0.0.0" || env.workers.bind === "::"
    ? "127.0.0.1"
    : env.workers.bind;
}
