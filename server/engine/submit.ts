/**
 * A buildset enters: its source stamps, its changes, its requests, their history and events, in one statement.
 */
import type { Queryable } from "../db/pool";
import { Batch, Expression, StaleState } from "../db/transition";
import { AppError } from "../domain/errors";
import type {
  BuilderId,
  BuildId,
  BuildRequestId,
  BuildsetId,
  ChangeId,
  OrgId,
} from "../domain/ids";
import type { Properties } from "../domain/properties";
import { type SourceStampOrder, stampHash } from "./source-stamp";

export interface BuildsetOrder {
  readonly orgId: OrgId;
  readonly builderIds: readonly BuilderId[];
  readonly reason: string;
  readonly owner: string | null;
  readonly scheduler: string;
  readonly properties: Properties;
  /** One a codebase. */
  readonly sourceStamps: readonly SourceStampOrder[];
  /** What it was made for; none when a person or the clock asked. */
  readonly changeIds?: readonly ChangeId[];
  readonly priority: number;
  readonly rebuiltBuildId: BuildId | null;
  /** The same key again gives the buildset made the first time. */
  readonly idempotencyKey: string | null;
  /** For the history: who asked. */
  readonly actor: string;
}

export interface Submitted {
  readonly buildsetId: BuildsetId;
  readonly requestIds: Readonly<Record<string, BuildRequestId>>;
}

/** @throws AppError builder.removed when a builder is not configured (any more) */
export async function submitBuildset(q: Queryable, order: BuildsetOrder): Promise<Submitted> {
  if (order.idempotencyKey !== null) {
    const earlier = await findByKey(q, order.orgId, order.idempotencyKey);
    if (earlier) return earlier;
  }
  const batch = new Batch(order.orgId);
  const orgId = batch.value(order.orgId, "bigint");
  batch.with(
    "usable",
    `select id from builder where org_id = ${orgId} and id = any(${batch.value(order.builderIds, "bigint[]")}) and removed_at is null and current_config_id is not null`,
    order.builderIds.length,
  );
  batch.with(
    "buildset",
    `insert into buildset (org_id, reason, idempotency_key, owner, scheduler, properties, rebuilt_build_id, open_requests)
     values (${orgId}, ${batch.value(order.reason)}, ${batch.value(order.idempotencyKey)}, ${batch.value(order.owner)},
       ${batch.value(order.scheduler)}, ${batch.value(JSON.stringify(order.properties))}, ${batch.value(order.rebuiltBuildId)},
       ${batch.value(order.builderIds.length)}) returning id`,
    1,
  );
  order.sourceStamps.forEach((stamp, index) => {
    batch.with(
      `stamp${index}`,
      `insert into source_stamp (org_id, hash, codebase, repository, branch, revision, project, patch)
       values (${orgId}, ${batch.value(stampHash(stamp))}, ${batch.value(stamp.codebase)}, ${batch.value(stamp.repository)},
         ${batch.value(stamp.branch)}, ${batch.value(stamp.revision)}, ${batch.value(stamp.project)},
         ${batch.value(stamp.patch ? JSON.stringify(stamp.patch) : null)})
       on conflict (org_id, hash) do update set hash = excluded.hash returning id`,
    );
    batch.with(
      `link${index}`,
      `insert into buildset_source_stamp (org_id, buildset_id, source_stamp_id)
       select ${orgId}, (select id from buildset), id from stamp${index}`,
    );
  });
  if (order.changeIds && order.changeIds.length > 0) {
    batch.with(
      "because",
      `insert into buildset_change (org_id, buildset_id, change_id)
       select ${orgId}, (select id from buildset), unnest(${batch.value(order.changeIds, "bigint[]")})`,
    );
  }
  order.builderIds.forEach((builderId, index) => {
    batch.create(
      `request${index}`,
      "build_request",
      "pending",
      {
        buildset_id: new Expression("(select id from buildset)"),
        builder_id: builderId,
        priority: order.priority,
      },
      {
        reason: order.reason,
        actor: order.actor,
        event: "buildrequests/{id}/new",
        body: { builderId: "builder_id", buildsetId: "buildset_id" },
      },
    );
  });
  batch.returning("buildset", "select id from buildset");
  try {
    const ids = await batch.commit(q);
    return {
      buildsetId: ids.buildset as BuildsetId,
      requestIds: Object.fromEntries(
        order.builderIds.map((id, index) => [id, ids[`request${index}`] as BuildRequestId]),
      ),
    };
  } catch (error) {
    if (error instanceof StaleState) {
      throw new AppError("builder.removed", { builder: order.builderIds.join(", ") }, error);
    }
    if (isUsedKey(error))
      throw new AppError(
        "request.conflict",
        { problem: "the idempotency key is being used at this moment; try again" },
        error,
      );
    throw error;
  }
}

function isUsedKey(error: unknown): boolean {
  return (
    error instanceof Error &&
    (error as { constraint?: unknown }).constraint === "buildset_org_id_idempotency_key_key"
  );
}

async function findByKey(q: Queryable, orgId: OrgId, key: string): Promise<Submitted | null> {
  const rows = await q.rows<{ buildset_id: number; builder_id: number; id: number }>(
    {
      name: "buildset-by-key",
      text: `select r.buildset_id, r.builder_id, r.id from buildset s join build_request r on r.buildset_id = s.id
        where s.org_id = $1 and s.idempotency_key = $2`,
    },
    [orgId, key],
  );
  const [first] = rows;
  if (!first) return null;
  return {
    buildsetId: first.buildset_id as BuildsetId,
    requestIds: Object.fromEntries(rows.map((row) => [row.builder_id, row.id as BuildRequestId])),
  };
}
