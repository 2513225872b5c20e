/**
 * `POST /{org}/api/v2/pools/ID-OR-NAME/join` with `{number?, protocol?}`, by a token with the scope `join`:
 * what a worker that is started now needs to log in, under the names that worker images read (K-037).
 * With `?format=env` lines for a shell, since an init container may have nothing that reads JSON.
 */
import { z } from "zod";
import { makePassword } from "../api/workers/add";
import { countUse } from "../auth";
import { sealingKey } from "../config";
import { AppError } from "../domain/errors";
import { parseId } from "../domain/ids";
import { findPool, joinPool } from "../fleet/pools/join";
import { seal } from "../secrets/seal";
import type { Admission } from "./access";
import type { NewWorkerEnv } from "./new-worker";
import { parseParams } from "./params";

const body = z.strictObject({
  /** A place of its own, as the ordinal of a StatefulSet's pod. */
  number: z.int().min(0).max(10_000).nullish(),
  protocol: z.enum(["pb", "msgpack_experimental_v7"]).default("pb"),
});

/** @returns the pool's id or name when the path is one for joining */
export function joinPath(path: readonly string[]): string | null {
  return path.length === 3 && path[0] === "pools" && path[2] === "join" ? (path[1] ?? null) : null;
}

export async function joinByToken(
  env: NewWorkerEnv,
  admission: Admission,
  selector: string,
  input: unknown,
  from: string | null,
): Promise<Readonly<Record<string, string>>> {
  const { orgId } = admission;
  const { number = null, protocol } = parseParams(body, input ?? {});
  const { advertise, pbPort, msgpackPort } = env.workers;
  const port = protocol === "pb" ? pbPort : msgpackPort;
  if (port === null) {
    throw new AppError("request.conflict", { problem: `the door for ${protocol} is closed here` });
  }
  const password = makePassword();
  const joined = await admission.within(async (tx, asker) => {
    asker.mustBeAbleTo("join");
    const { id, name } = await findPool(tx, orgId, parseId(selector) ?? selector);
    asker.mustBeAbleTo("join", name);
    if (asker.tokenId !== null) await countUse(tx, asker.tokenId);
    return joinPool(tx, {
      ...{ orgId, pool: id, number, from, actor: asker.actor, tokenId: asker.tokenId },
      sealedPassword: seal(sealingKey(env.secretKey), password),
    });
  });
  return {
    WORKERNAME: joined.loginName,
    WORKERPASS: password,
    BUILDMASTER: advertise,
    BUILDMASTER_PORT: String(port),
    BUILDMASTER_PROTOCOL: protocol,
  };
}

/** None of the values holds a quote: names and passwords are letters, digits and few signs. */
export function asShell(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join("");
}
