/** What people and programs ask of the engine. Every call is scoped to the caller's organisation. */
import type { OrgDatabase } from "../db/org-database";
import type { Queryable } from "../db/pool";
import { Batch, Expression, StaleState } from "../db/transition";
import { CANCELLED, type Result } from "../domain/builds";
import { AppError } from "../domain/errors";
import type { FormValues } from "../domain/force";
import type {
  BuilderId,
  BuildId,
  BuildRequestId,
  BuildsetId,
  ChangeId,
  ChangeSourceId,
  OrgId,
  ProcessId,
} from "../domain/ids";
import type { JsonValue, Properties } from "../domain/properties";
import { createTriggerCommands, type TriggerCommands } from "./changes/commands";
import { countDown } from "./execute/build-store";
import { withOwnRepository } from "./own-repository";
import type { SourceStampOrder } from "./source-stamp";
import { type BuildsetOrder, type Submitted, submitBuildset } from "./submit";

export interface Caller {
  readonly orgId: OrgId;
  /** As a person may read it: `ada@example.org`, `token ci`. */
  readonly actor: string;
}

export interface ForceOrder {
  readonly builderId: BuilderId;
  readonly reason: string;
  readonly owner: string | null;
  readonly scheduler?: string;
  readonly properties: Readonly<Record<string, JsonValue>>;
  readonly branch: string | null;
  readonly revision: string | null;
  readonly repository: string | null;
  readonly project: string | null;
  readonly codebase: string | null;
  readonly priority: number;
  readonly idempotencyKey: string | null;
}

/** What a force scheduler's form says: the same for each of its builders. */
export interface FormOrder extends Omit<FormValues, "owner"> {
  readonly owner: string | null;
  readonly scheduler: string;
  readonly builderIds: readonly BuilderId[];
  readonly idempotencyKey: string | null;
}

/** What was made, and a call to be made after the commit that makes it true. */
export interface Made extends Submitted {
  readonly announce: () => void;
}

export interface EngineCommands extends TriggerCommands {
  /** With `tx` it joins the caller's transaction, who calls `announce` after the commit. */
  force(caller: Caller, order: ForceOrder, tx?: Queryable): Promise<Made>;
  /** One buildset with a request for each builder. `tx` as with `force`. */
  forceForm(caller: Caller, order: FormOrder, tx?: Queryable): Promise<Made>;
  stopBuild(
    caller: Caller,
    buildId: BuildId,
    how: { readonly reason: string; readonly result?: Result },
  ): Promise<void>;
  /** The same buildset for the same builder once more (C-071). */
  rebuild(caller: Caller, buildId: BuildId): Promise<Made>;
  cancelRequest(caller: Caller, requestId: BuildRequestId, reason: string): Promise<void>;
  setPriority(caller: Caller, requestId: BuildRequestId, priority: number): Promise<void>;
}

export interface CommandsContext {
  readonly db: OrgDatabase;
  /** Pending requests may find a worker. */
  readonly wake: (orgId: OrgId) => void;
  /** The outbox has news. */
  readonly announce: () => void;
  /** Somebody should look at this change source. */
  readonly poll?: (id: ChangeSourceId) => void;
  /** This process has something to look at. */
  readonly tell: (owner: ProcessId) => void;
}

/** A stopped build whose process does nothing about it is taken away after so long. */
export const STOPPING_SECONDS = 180;

export function createEngineCommands(context: CommandsContext): EngineCommands {
  const { db } = context;
  const made = (orgId: OrgId, submitted: Submitted): Made => ({
    ...submitted,
    announce() {
      context.wake(orgId);
      context.announce();
    },
  });

  /** Runs in its own transaction and announces after it. */
  async function alone(orgId: OrgId, work: (tx: Queryable) => Promise<Submitted>): Promise<Made> {
    const result = made(orgId, await db.within({ orgId }, work));
    result.announce();
    return { ...result, announce: () => {} };
  }

  async function forcing(order: BuildsetOrder, tx: Queryable | undefined): Promise<Made> {
    const submit = async (q: Queryable) => submitBuildset(q, await withOwnRepository(q, order));
    if (tx) return made(order.orgId, await submit(tx));
    try {
      return await alone(order.orgId, submit);
    } catch (error) {
      // Two calls with one key at the same time: the other one's buildset is there now.
      const isUsedKey = error instanceof AppError && error.code === "request.conflict";
      if (!isUsedKey || order.idempotencyKey === null) throw error;
      return alone(order.orgId, submit);
    }
  }

  return {
    ...createTriggerCommands(context),
    force: (caller, order, tx) => forcing(forced(caller, order), tx),
    forceForm: (caller, order, tx) => forcing(formed(caller, order), tx),

    async stopBuild(caller, buildId, { reason, result }) {
      const owner = await db.within({ orgId: caller.orgId }, async (tx) => {
        const [row] = await tx.rows<{ owner_id: ProcessId; state: string }>(
          "select owner_id, state from build where id = $1 for update",
          [buildId],
        );
        if (!row) throw new AppError("request.not-found", { what: "build" });
        if (row.state === "finished") {
          throw new AppError("request.conflict", { problem: "the build is finished" });
        }
        await tx.rows(
          `with stopped as (
             update build set stop_requested_at = now(), stop_requested_by = $2, stop_reason = $3, stop_result = $4
             where id = $1 and stop_requested_at is null returning id, org_id),
           limited as (
             insert into deadline (org_id, kind, subject_id, fire_at, reason)
             select org_id, 'build-stopping', id, now() + interval '${STOPPING_SECONDS} seconds',
               'it did not stop within ${STOPPING_SECONDS} s' from stopped
             on conflict (kind, subject_id) do nothing),
           told as (
             insert into transition (org_id, kind, subject_id, from_state, to_state, reason, actor)
             select org_id, 'build', id, $5, $5, 'stop asked for: ' || $3::text, $2 from stopped)
           insert into outbox (org_id, topic, body)
           select org_id, 'builds/' || id || '/update', jsonb_build_object('id', id, 'stopping', true) from stopped`,
          [buildId, caller.actor, reason, result ?? CANCELLED, row.state],
        );
        return row.owner_id;
      });
      context.tell(owner);
      context.announce();
    },

    rebuild: (caller, buildId) =>
      alone(caller.orgId, async (tx) => {
        const [row] = await tx.rows<Original>(
          `select b.builder_id, coalesce(s.rebuilt_build_id, b.id) as original, s.properties, s.owner, r.priority,
             coalesce((select jsonb_agg(jsonb_build_object('codebase', t.codebase, 'repository', t.repository,
                 'branch', t.branch, 'revision', t.revision, 'project', t.project, 'patch', t.patch) order by t.codebase)
               from buildset_source_stamp l join source_stamp t on t.id = l.source_stamp_id
               where l.buildset_id = s.id), '[]') as stamps,
             coalesce((select jsonb_agg(change_id order by change_id) from changes_of_request(r.id)), '[]') as changes
           from build b join build_request r on r.id = b.build_request_id join buildset s on s.id = r.buildset_id
           where b.id = $1`,
          [buildId],
        );
        if (!row) throw new AppError("request.not-found", { what: "build" });
        return submitBuildset(tx, {
          orgId: caller.orgId,
          builderIds: [row.builder_id],
          reason: "rebuild",
          owner: caller.actor,
          scheduler: "rebuild",
          properties: row.properties,
          sourceStamps: row.stamps,
          changeIds: row.changes,
          priority: row.priority,
          rebuiltBuildId: row.original,
          idempotencyKey: null,
          actor: caller.actor,
        });
      }),

    async cancelRequest(caller, requestId, reason) {
      for (;;) {
        const building = await cancelUnlessBuilding(db, caller, requestId, reason);
        if (building === null) return context.announce();
        try {
          return await this.stopBuild(caller, building, { reason });
        } catch (error) {
          // The build ended first. Its request is done, which the next round says, or waits again
          // after RETRY, and must not be built once more.
          if (!(error instanceof AppError && error.code === "request.conflict")) throw error;
        }
      }
    },

    async setPriority(caller, requestId, priority) {
      await db.within({ orgId: caller.orgId }, async (tx) => {
        const rows = await tx.rows(
          "update build_request set priority = $2 where id = $1 and state = 'pending' returning id",
          [requestId, priority],
        );
        if (rows.length === 0)
          throw new AppError("request.not-found", { what: "waiting build request" });
      });
      context.wake(caller.orgId);
      context.announce();
    },
  };
}

interface Original {
  readonly builder_id: BuilderId;
  readonly original: BuildId;
  readonly properties: Properties;
  readonly owner: string | null;
  readonly priority: number;
  readonly stamps: readonly SourceStampOrder[];
  readonly changes: readonly ChangeId[];
}

const FORM = "Force Build Form";

function formed(caller: Caller, { properties, ...order }: FormOrder): BuildsetOrder {
  return {
    ...order,
    orgId: caller.orgId,
    actor: caller.actor,
    rebuiltBuildId: null,
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [name, [value, FORM]]),
    ),
  };
}

function forced(caller: Caller, order: ForceOrder): BuildsetOrder {
  const { builderId, branch, revision, repository, project, codebase, ...rest } = order;
  return formed(caller, {
    ...rest,
    owner: order.owner,
    scheduler: order.scheduler ?? "force",
    builderIds: [builderId],
    sourceStamps: [
      {
        codebase: codebase ?? "",
        repository: repository ?? "",
        branch,
        revision,
        project: project ?? "",
        patch: null,
      },
    ],
  });
}

/** @returns the unfinished build of the request, null when the request waited and is cancelled */
function cancelUnlessBuilding(
  db: OrgDatabase,
  caller: Caller,
  requestId: BuildRequestId,
  reason: string,
): Promise<BuildId | null> {
  return db.within({ orgId: caller.orgId }, async (tx) => {
    const [row] = await tx.rows<{ state: string; buildset_id: BuildsetId }>(
      "select state, buildset_id from build_request where id = $1 for update",
      [requestId],
    );
    if (!row) throw new AppError("request.not-found", { what: "build request" });
    if (row.state === "pending") {
      await cancelPending(tx, caller, requestId, row.buildset_id, reason);
      return null;
    }
    // A statement of its own: the one above may have waited for the claim, whose build it could
    // not see yet.
    const [build] = await tx.rows<{ id: BuildId }>(
      "select id from build where build_request_id = $1 and state <> 'finished'",
      [requestId],
    );
    if (build) return build.id;
    throw new AppError("request.conflict", { problem: "the request is not waiting any more" });
  });
}

async function cancelPending(
  tx: Queryable,
  caller: Caller,
  requestId: BuildRequestId,
  buildsetId: BuildsetId,
  reason: string,
): Promise<void> {
  const batch = new Batch(caller.orgId);
  batch.move("request", "build_request", requestId, {
    from: "pending",
    to: "cancelled",
    set: { result: CANCELLED, complete_at: new Expression("now()") },
    reason: reason || "cancelled",
    actor: caller.actor,
    event: "buildrequests/{id}/cancel",
    body: { builderId: "builder_id" },
  });
  countDown(batch, buildsetId, CANCELLED);
  try {
    await batch.commit(tx);
  } catch (error) {
    if (error instanceof StaleState) throw new AppError("state.stale", {}, error);
    throw error;
  }
}
