/**
 * `PUT /{org}/api/v2/workers/NAME` with `{max_builds?}`: adds a worker to the configuration and says,
 * this once, what it needs to connect. One that is there already is a conflict.
 */
import { z } from "zod";
import { editConfig } from "../api/config/change";
import { makePassword, withWorker } from "../api/workers/add";
import { sealingKey, workerName } from "../config";
import { only } from "../db/pool";
import type { Env } from "../env";
import type { Admission } from "./access";
import { parseParams } from "./params";

export interface NewWorkerEnv {
  readonly secretKey: string;
  readonly isHosted: boolean;
  readonly workers: Env["workers"];
}

const body = z.strictObject({ max_builds: z.int().min(1).max(1000).nullish() });

export async function putWorker(
  env: NewWorkerEnv,
  admission: Admission,
  path: readonly string[],
  input: unknown,
) {
  const { orgId } = admission;
  const password = makePassword();
  const { name, login } = await admission.within(async (tx, asker) => {
    asker.mustBeAbleTo("config");
    const wanted = {
      ...parseParams(z.object({ name: workerName }), { name: path[1] }),
      maxBuilds: parseParams(body, input).max_builds ?? null,
    };
    const options = {
      author: asker.actor,
      sealingKey: sealingKey(env.secretKey),
      isHosted: env.isHosted,
    };
    await editConfig(tx, orgId, options, (stored) => withWorker(stored, wanted, password));
    const rows = await tx.rows<{ login: string }>(
      "select login_name as login from worker where org_id = $1 and name = $2",
      [orgId, wanted.name],
    );
    return { name: wanted.name, login: only(rows).login };
  });
  const { advertise, pbPort, msgpackPort, tls } = env.workers;
  return {
    ...{ name, login, password, host: advertise },
    ...{ pb_port: pbPort, msgpack_port: msgpackPort, tls: tls !== null },
  };
}
