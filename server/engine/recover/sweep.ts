/**
 * What must have happened and did not (HOUSE, Ownership 5): one sweep over deadlines that passed
 * and processes that are gone. Runs every few seconds, and at once when a process is seen to die.
 * It also wakes the distributor for requests that wait, so that a lost queue job loses nothing.
 */
import type { Queryable } from "../../db/pool";
import type { BuildId, OrgId, ProcessId } from "../../domain/ids";
import { declareLapsed, endOrphanSessions, retryOrphanBuilds, takeAway } from "./abandon";

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
    text: "select kind, subject_id, reason from deadline where fire_at <= now() order by fire_at limit 500",
  });
  for (const deadline of passed) await act(context, deadline);
  const waiting = await db.rows<{ org_id: OrgId }>({
    name: "organisations-waiting",
    text: `with recursive waiting (org_id) as (
        (select org_id from build_request where state = 'pending' order by org_id limit 1)
        union all
        select (select r.org_id from build_request r where r.state = 'pending' and r.org_id > w.org_id order by r.org_id limit 1)
        from waiting w where w.org_id is not null)
      select org_id from waiting where org_id is not null`,
  });
  for (const { org_id } of waiting) await context.distribute(org_id);
}

/** What processes that are gone left behind. */
export async function recoverGone(context: SweepContext): Promise<void> {
  const sessions = await endOrphanSessions(context.db);
  const touched = await retryOrphanBuilds(context.db, context.actor);
  if (sessions + touched.size > 0) {
    context.log("recovered what a process left behind", { sessions, organisations: touched.size });
    context.announce();
  }
  for (const orgId of touched) await context.distribute(orgId);
}

async function act(
  context: SweepContext,
  deadline: { kind: string; subject_id: number; reason: string },
): Promise<void> {
  switch (deadline.kind) {
    case "build-preparing":
    case "build-stopping": {
      const taken = await takeAway(
        context.db,
        deadline.subject_id as BuildId,
        context.actor,
        deadline.reason,
      );
      if (taken) {
        context.log("build taken from its process", {
          build: deadline.subject_id,
          reason: deadline.reason,
        });
        context.announce();
        context.tell(taken.ownerId);
        await context.distribute(taken.orgId);
      } else {
        await forget(context.db, deadline);
      }
      break;
    }
    default:
      // A kind this version does not know is another version's: leave it.
      break;
  }
}

async function forget(
  q: Queryable,
  { kind, subject_id }: { kind: string; subject_id: number },
): Promise<void> {
  await q.rows("delete from deadline where kind = $1 and subject_id = $2", [kind, subject_id]);
}
