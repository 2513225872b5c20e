import { randomBytes } from "node:crypto";
import { z } from "zod";
import { type Documents, workerName } from "../../config";
import { only } from "../../db/pool";
import { AppError } from "../../domain/errors";
import { changeConfig, type Stored } from "../config/change";
import type { ApiContext } from "../context";
import type { OrgScope } from "../trpc";

type Worker = NonNullable<NonNullable<Documents["organization"]>["workers"]>[number];

export const addWorkerInput = z.object({
  name: workerName,
  /** null: as many as its builders ask for. */
  maxBuilds: z.number().int().min(1).max(1000).nullable(),
});

export const newPasswordInput = z.object({ workerId: z.number().int().positive() });

/** A worker and its password, which is shown this once. */
export interface Credentials {
  workerId: number;
  password: string;
}

/** 160 bits in letters, digits, dash and underscore: nothing that a shell would touch. */
export const makePassword = (): string => `w${randomBytes(20).toString("base64url")}`;

/** @throws AppError request.conflict when there is one of that name */
export function withWorker(
  { organization }: Stored,
  { name, maxBuilds }: z.output<typeof addWorkerInput>,
  password: string,
): Documents {
  const workers = organization.workers ?? [];
  if (workers.some((worker) => worker.name === name)) {
    throw new AppError("request.conflict", { problem: `there is a worker ${name}` });
  }
  const limit = maxBuilds === null ? {} : { max_builds: maxBuilds };
  const added = { type: "Worker", name, password, ...limit } as Worker;
  return { organization: { ...organization, workers: [...workers, added] }, projects: {} };
}

/** Written into the organisation's configuration, like a worker written there by hand. */
export async function addWorker(
  ctx: ApiContext,
  org: OrgScope,
  input: z.output<typeof addWorkerInput>,
): Promise<Credentials> {
  const password = makePassword();
  return changeConfig(
    ctx,
    org,
    (stored) => withWorker(stored, input, password),
    async (tx) => {
      const rows = await tx.rows<{ id: number }>(
        "select id from worker where org_id = $1 and name = $2",
        [org.orgId, input.name],
      );
      return { workerId: only(rows).id, password };
    },
  );
}

/**
 * A worker on this host, which the supervisor starts as soon as the configuration names it. A second
 * click finds the first one's.
 *
 * @throws AppError request.conflict where nothing of this host is lent
 */
export async function addLocalWorker(ctx: ApiContext, org: OrgScope): Promise<{ name: string }> {
  const { env } = ctx.runtime;
  if (env.isHosted || env.workers.pbPort === null) {
    const why = env.isHosted ? "is hosted for strangers" : "has its workers' door closed";
    throw new AppError("request.conflict", {
      problem: `this installation ${why} and lends no worker of its own`,
    });
  }
  return changeConfig(
    ctx,
    org,
    ({ organization }) => {
      const workers = organization.workers ?? [];
      if (workers.some((worker) => worker.type === "LocalWorker")) {
        return { organization, projects: {} };
      }
      const isFree = (name: string) => workers.every((worker) => worker.name !== name);
      const name = ["local", "local-worker", "this-host"].find(isFree) ?? "local-of-slipway";
      const added = { type: "LocalWorker", name, max_builds: 2 } as Worker;
      return { organization: { ...organization, workers: [...workers, added] }, projects: {} };
    },
    async (tx) =>
      only(
        await tx.rows<{ name: string }>(
          `select name from worker where org_id = $1 and kind = 'LocalWorker' and removed_at is null
           order by id limit 1`,
          [org.orgId],
        ),
      ),
  );
}

/** The old password stops working at the next connection; a live session goes on. */
export async function newPassword(
  ctx: ApiContext,
  org: OrgScope,
  { workerId }: z.output<typeof newPasswordInput>,
): Promise<Credentials> {
  const password = makePassword();
  const [row] = await org.within((tx) =>
    tx.rows<{ name: string }>(
      "select name from worker where org_id = $1 and id = $2 and removed_at is null",
      [org.orgId, workerId],
    ),
  );
  if (row === undefined) throw new AppError("request.not-found", { what: "worker" });
  return changeConfig(
    ctx,
    org,
    ({ organization }) => ({
      organization: {
        ...organization,
        workers: (organization.workers ?? []).map((worker) =>
          worker.name === row.name ? { ...worker, password } : worker,
        ),
      },
      projects: {},
    }),
    async () => ({ workerId, password }),
  );
}
