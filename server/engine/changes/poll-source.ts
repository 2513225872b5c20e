/**
 * One poll of a change source, by one process at a time over all of them: who polls is written down
 * before, and what a poll has seen counts only if it is still his to say. Changes, what follows from
 * them and the cursor are one transaction, so a poll that is killed has seen nothing.
 */
import { join } from "node:path";
import type { ChangeSource, MakeChangeSource, Polled } from "../../change-sources/contract";
import type { Insist } from "../../db/insist";
import { jsonText, storableText } from "../../db/json-text";
import type { Database, Queryable } from "../../db/pool";
import type { ChangeSourceId, OrgId, ProcessId, ProjectId } from "../../domain/ids";
import type { MakeScheduler } from "../../schedulers/contract";
import type { SecretReader } from "../../secrets/contract";
import { enter, recordChanges } from "./record-changes";

export interface PollerContext {
  readonly db: Database;
  readonly processId: ProcessId;
  readonly makeSource: MakeChangeSource;
  readonly makeScheduler: MakeScheduler;
  readonly secrets: SecretReader;
  /** Below which each source has a directory of its own. */
  readonly directory: string;
  readonly isHosted: boolean;
  readonly insist: Insist;
  readonly wake: (orgId: OrgId) => void;
  readonly announce: () => void;
  /** This process stops its work. */
  readonly stop: AbortSignal;
  readonly now: () => number;
  readonly random: () => number;
}

/** A poll that takes longer is ended. The first one of a large repository copies it. */
const POLL_MS = 30 * 60_000;
/** Until one that could not be read is looked at again; a new configuration is looked at at once. */
const UNREADABLE_MS = 3_600_000;

interface Claim {
  readonly orgId: OrgId;
  readonly projectId: ProjectId | null;
  readonly name: string;
  readonly kind: string;
  readonly config: unknown;
  readonly cursor: unknown;
  readonly number: number;
}

type Outcome = { readonly polled: Polled } | { readonly problem: string };

/** @returns false when there is nothing to poll, or somebody else is at it */
export async function pollSource(context: PollerContext, id: ChangeSourceId): Promise<boolean> {
  try {
    const claim = await claimPoll(context, id);
    return claim ? await carryThrough(context, id, claim) : false;
  } catch (error) {
    // Whether or not the database heard of it: it is ours no more, and due again.
    await context.insist("poll", () => release(context.db, id, context.processId));
    throw error;
  }
}

async function carryThrough(
  context: PollerContext,
  id: ChangeSourceId,
  claim: Claim,
): Promise<boolean> {
  context.announce();
  let source: ChangeSource | null = null;
  let outcome: Outcome;
  try {
    source = context.makeSource(claim);
    outcome = { polled: await poll(context, id, claim, source) };
  } catch (error) {
    outcome = { problem: error instanceof Error ? error.message : String(error) };
  }
  // What ended it is our own end: the next process begins anew.
  if (context.stop.aborted) return false;
  const delayMs = source?.delayMs(context.random()) ?? UNREADABLE_MS;
  const buildsets = await context.insist("poll", () =>
    conclude(context, id, claim, outcome, delayMs),
  );
  context.announce();
  if (buildsets > 0) context.wake(claim.orgId);
  return true;
}

async function claimPoll(
  { db, processId }: PollerContext,
  id: ChangeSourceId,
): Promise<Claim | null> {
  const [row] = await db.rows<Claim>(
    {
      name: "claim-poll",
      text: `with claimed as (
          update change_source set poller_id = $2, poll_number = poll_number + 1, fire_at = null
          where id = $1 and removed_at is null and poller_id is null and fire_at <= now() returning *),
        told as (
          insert into outbox (org_id, topic, body)
          select org_id, 'changesources/' || id || '/updated', jsonb_build_object('id', id) from claimed)
        select org_id as "orgId", project_id as "projectId", name, kind, config, cursor, poll_number as number from claimed`,
    },
    [id, processId],
  );
  return row ?? null;
}

async function poll(
  context: PollerContext,
  id: ChangeSourceId,
  claim: Claim,
  source: ChangeSource,
): Promise<Polled> {
  const found = await context.secrets.read({
    orgId: claim.orgId,
    names: source.secretNames,
    reader: `change source ${claim.name}`,
    enrol: () => {},
  });
  return source.poll({
    cursor: claim.cursor,
    directory: join(context.directory, String(id)),
    secrets: new Map([...found].map(([name, secret]) => [name, secret.reveal()])),
    isHosted: context.isHosted,
    now: context.now,
    stop: AbortSignal.any([context.stop, AbortSignal.timeout(POLL_MS)]),
  });
}

/** @returns how many buildsets came of it */
function conclude(
  { db, processId, makeScheduler }: PollerContext,
  id: ChangeSourceId,
  claim: Claim,
  outcome: Outcome,
  delayMs: number,
): Promise<number> {
  const polled = "polled" in outcome ? outcome.polled : null;
  const problem = "problem" in outcome ? outcome.problem : (polled?.note ?? null);
  return db.transaction(async (tx) => {
    await enter(tx, claim.orgId);
    const mine = await tx.rows(
      {
        name: "conclude-poll",
        text: `with mine as (
            update change_source set poller_id = null, polled_at = now(), cursor = coalesce($4::jsonb, cursor),
              -- Asked for again meanwhile: at once.
              fire_at = coalesce(fire_at, now() + make_interval(secs => $5::float8 / 1000)),
              last_error = $6, failing_since = case when $6::text is null then null else coalesce(failing_since, now()) end
            where id = $1 and poller_id = $2 and poll_number = $3 and config = $7::jsonb and removed_at is null returning *),
          told as (
            insert into outbox (org_id, topic, body)
            select org_id, 'changesources/' || id || '/updated', jsonb_build_object('id', id) from mine)
          select id from mine`,
      },
      [
        id,
        processId,
        claim.number,
        polled ? jsonText(polled.cursor) : null,
        delayMs,
        problem === null ? null : storableText(problem).slice(0, 2_000),
        JSON.stringify(claim.config),
      ],
    );
    if (mine.length === 0) {
      // It was configured anew, or taken away, meanwhile: what was seen does not count.
      await release(tx, id, processId);
      return 0;
    }
    if (!polled) return 0;
    const { orgId, projectId } = claim;
    const order = { orgId, projectId, changeSourceId: id, changes: polled.changes };
    return (await recordChanges(tx, order, makeScheduler)).buildsetIds.length;
  });
}

function release(db: Queryable, id: ChangeSourceId, processId: ProcessId): Promise<unknown> {
  return db.rows(
    "update change_source set poller_id = null, fire_at = now() where id = $1 and poller_id = $2",
    [id, processId],
  );
}

/** Polls of processes that are gone are to be made again. */
export async function releasePolls(db: Queryable): Promise<void> {
  await db.rows({
    name: "release-polls",
    text: `update change_source s set poller_id = null, fire_at = now() from process p
      where p.id = s.poller_id and (p.gone_at is not null or p.lease_expires_at < now())`,
  });
}

/** Those that are to be looked at whenever the installation starts. */
export async function pollAtLaunch(db: Queryable): Promise<void> {
  await db.rows(
    `update change_source set fire_at = now()
     where removed_at is null and poller_id is null and config->>'pollAtLaunch' = 'true'`,
  );
}
