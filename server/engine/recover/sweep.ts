/**
 * What must have happened and did not (HOUSE, Ownership 5): one sweep over deadlines that passed
 * and processes that are gone. Runs every few seconds, and at once when a process is seen to die.
 * It also wakes the distributor for requests that wait, so that a lost queue job loses nothing.
 */
import type { Queryable } from "../../db/pool";
import type { BuildId, OrgId, ProcessId } from "../../domain/ids";
import { declareLapsed, endOrphanSessions, leaveOrphanBuilds, takeAway } from "./abandon";
import { HAD_ITS_TIME } from "./await-worker";
import { cancelRemoved } from "./cancel-removed";

export interface SweepContext {
  readonly db: Queryable;
  readonly actor: string;
  readonly distribute: (orgId: OrgId) => Promise<unknown>;
  /** Tell others that the outbox has news. */
  readonly announce: () => void;
  /** A build of this process was taken away; it should look. */
  readonly tell: (owner: ProcessId) => void;
  readonly log: (message: string, fields: Record<string, unknown>) => void;
}

export async function sweep(context: SweepContext): Promise<void> {
  const { db } = context;
  const lapsed = await declareLapsed(db);
  if (lapsed > 0) context.log("processes lost their lease", { count: lapsed });
  await recoverGone(context);
  const passed = await db.rows<{ kind: string; subject_id: number; reason: string }>({
    name: "passed-deadlines",
    text: `select kind, subject_id, reason from deadline
      where fire_at <= now() and (kind in ('build-preparing', 'build-stopping')
        or kind = 'build-awaiting' and ${HAD_ITS_TIME}) order by fire_at limit 500`,
  });
  for (const deadline of passed) await apart(context, deadline, () => act(context, deadline));
  const waiting = await db.rows<{ org_id: OrgId }>({
    name: "organisations-waiting",
    text: `with recursive waiting (org_id) as (
        (select org_id from build_request where state = 'pending' order by org_id limit 1)
        union all
        select (select r.org_id from build_request r where r.state = 'pending' and r.org_id > w.org_id order by r.org_id limit 1)
        from waiting w where w.org_id is not null)
      select org_id from waiting where org_id is not null`,
  });
  for (const { org_id } of waiting) {
    await apart(context, { orgId: org_id }, () => cancelWaitingForNothing(context, org_id));
    await distributeTo(context, org_id);
  }
}

/** What waits for builders that are no more. */
export async function cancelWaitingForNothing(
  { db, actor, announce, log }: Pick<SweepContext, "db" | "actor" | "announce" | "log">,
  orgId: OrgId,
): Promise<void> {
  const builders = await cancelRemoved(db, orgId, actor);
  if (builders === 0) return;
  log("cancelled what waited for removed builders", { orgId, builders });
  announce();
}

const distributeTo = (context: SweepContext, orgId: OrgId) =>
  apart(context, { orgId }, () => context.distribute(orgId));

/** One that fails must not keep the others waiting: the next sweep tries it again. */
async function apart(
  context: SweepContext,
  what: Record<string, unknown>,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    context.log("left for the next sweep", { ...what, error });
  }
}

/** What processes that are gone left behind. */
export async function recoverGone(context: SweepContext): Promise<void> {
  const sessions = await endOrphanSessions(context.db, context.actor);
  const touched = await leaveOrphanBuilds(context.db, context.actor, (error, build) =>
    context.log("left for the next sweep", { build, error }),
  );
  if (sessions + touched.size > 0) {
    context.log("recovered what a process left behind", { sessions, organisations: touched.size });
    context.announce();
  }
  for (const orgId of touched) await distributeTo(context, orgId);
}

async function act(
  context: SweepContext,
  deadline: { kind: string; subject_id: number; reason: string },
): Promise<void> {
  const { kind, subject_id, reason } = deadline;
  const buildId = subject_id as BuildId;
  const taken = await takeAway(context.db, { kind, buildId, reason }, context.actor);
  if (taken) {
    context.log("build taken from its process", { build: buildId, reason });
    context.announce();
    context.tell(taken.ownerId);
    await context.distribute(taken.orgId);
  } else {
    // The deadline of a build that is over; one that has just moved on is looked at again.
    await context.db.rows(
      `delete from deadline where kind = $1 and subject_id = $2
         and not exists (select from build where id = $2 and state <> 'finished')`,
      [kind, buildId],
    );
  }
}
