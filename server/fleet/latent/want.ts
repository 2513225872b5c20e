/**
 * A build wants a latent worker (T1 to T2e). Its wish is part of the statement that claims the build's
 * request, so that either the build has its machine, or waits for one, or neither is there (R6).
 */
import type { Queryable } from "../../db/pool";
import { Batch, Expression, StaleState } from "../../db/transition";
import type { OrgId, WorkerId } from "../../domain/ids";
import { type LatentState, next } from "../../domain/latent";
import { due, moveLatent } from "./changes";

export interface Wanted {
  readonly id: number;
  readonly workerId: WorkerId;
  readonly state: LatentState;
  /** The machine that is there is not for this build: it lost its connection, or was used. */
  readonly needsAnother: boolean;
  /** That machine is not for the build even if it comes back: its options are others, or it was used. */
  readonly needsOther?: boolean;
  /** How many had wanted it when it was seen. */
  readonly claims?: number;
  /** Since then so many may want it, this one among them; null: any number. */
  readonly mostClaims?: number | null;
  readonly missingSeconds: number;
}

/** A pool's worker has a machine made only where the pool has it open, or keeps one ready there. */
const MAY_START = `(is_open or is_wished
  or not exists (select from worker w where w.id = worker_id and w.pool_id is not null))`;

/**
 * The statement is stale when the worker has moved on since it was seen.
 * @returns null when it does not take builds: it is shut down
 */
export function want(
  batch: Batch,
  wanted: Wanted,
  reason: string,
  actor: string,
): LatentState | null {
  const { id, workerId, state, needsAnother, needsOther, missingSeconds } = wanted;
  const { claims, mostClaims = null } = wanted;
  const within =
    mostClaims !== null && claims !== undefined
      ? ` and claims < ${batch.value(claims + mostClaims)}`
      : "";
  const isRenewed = state === "substantiated" && needsAnother;
  const to = next(state, isRenewed ? "wanted-anew" : "wanted");
  if (to === null) return null;
  // That one is driven: its machine has to go first, and whoever drives it sees the wish.
  if (to === state || isRenewed) {
    const other = needsOther ? ", needs_other = true" : "";
    const opened = isRenewed ? `, is_open = false${other}` : "";
    batch.with(
      "latent",
      `update latent_worker set claims = claims + 1${opened} where id = ${batch.value(id)} and state = ${batch.value(state)}
         and failure is null${within} ${isRenewed ? `and ${MAY_START}` : ""} returning *`,
      1,
    );
    due(batch);
    return isRenewed ? state : to;
  }
  moveLatent(batch, { id, workerId, facts: { state } }, to, {
    ...{ reason, actor, where: `failure is null and ${MAY_START}${within}` },
    set: {
      claims: new Expression("claims + 1"),
      is_open: false,
      // A value that no statement names would be refused.
      missing_at:
        missingSeconds === 0
          ? null
          : new Expression(
              `now() + make_interval(secs => ${batch.value(missingSeconds, "float8")})`,
            ),
    },
  });
  return to;
}

/** The row of a worker that is wanted for the first time. */
export async function ensureLatent(
  q: Queryable,
  { orgId, workerId }: { readonly orgId: OrgId; readonly workerId: WorkerId },
  actor: string,
): Promise<void> {
  const known = await q.rows("select from latent_worker where worker_id = $1", [workerId]);
  if (known.length > 0) return;
  const batch = new Batch(orgId);
  const reason = "nothing has wanted it yet";
  batch.create(
    "latent",
    "latent_worker",
    "insubstantiated",
    { worker_id: workerId, reason },
    { reason, actor },
  );
  try {
    await batch.commit(q);
  } catch (error) {
    // Somebody was quicker.
    if (!(error instanceof StaleState)) throw error;
  }
}
