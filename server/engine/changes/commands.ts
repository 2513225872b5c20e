/** What people ask of schedulers and change sources. */
import type { OrgDatabase } from "../../db/org-database";
import { AppError } from "../../domain/errors";
import type { ChangeSourceId, OrgId, SchedulerId } from "../../domain/ids";

interface Caller {
  readonly orgId: OrgId;
  readonly actor: string;
}

export interface TriggerCommands {
  /** One that is disabled hears of nothing and does not fire; what it kept waits for it. */
  enableScheduler(caller: Caller, id: SchedulerId, isEnabled: boolean): Promise<void>;
  /** Looks at the source now, or as soon as the poll under way is over. */
  pollNow(caller: Caller, id: ChangeSourceId): Promise<void>;
}

interface Context {
  readonly db: OrgDatabase;
  readonly announce: () => void;
  /** Without it the next sweep looks. */
  readonly poll?: (id: ChangeSourceId) => void;
}

export function createTriggerCommands({ db, announce, poll }: Context): TriggerCommands {
  return {
    async enableScheduler({ orgId, actor }, id, isEnabled) {
      const found = await db.within({ orgId }, (tx) =>
        tx.rows(
          `with found as (
             select id, org_id, name, is_enabled from scheduler where id = $1 and removed_at is null for update),
           changed as (
             update scheduler s set is_enabled = $2 from found f where s.id = f.id and f.is_enabled <> $2
             returning s.id, s.org_id, s.name),
           audited as (
             insert into audit_entry (org_id, actor, action, subject, detail)
             select org_id, $3, 'scheduler.enable', 'scheduler ' || name, jsonb_build_object('enabled', $2::boolean) from changed),
           told as (
             insert into outbox (org_id, topic, body)
             select org_id, 'schedulers/' || id || '/updated', jsonb_build_object('id', id) from changed)
           select id from found`,
          [id, isEnabled, actor],
        ),
      );
      if (found.length === 0) throw new AppError("request.not-found", { what: "scheduler" });
      announce();
    },

    async pollNow({ orgId }, id) {
      const found = await db.within({ orgId }, (tx) =>
        tx.rows(
          `with due as (
             update change_source set fire_at = now() where id = $1 and removed_at is null returning id, org_id),
           told as (
             insert into outbox (org_id, topic, body)
             select org_id, 'changesources/' || id || '/updated', jsonb_build_object('id', id) from due)
           select id from due`,
          [id],
        ),
      );
      if (found.length === 0) throw new AppError("request.not-found", { what: "change source" });
      announce();
      poll?.(id);
    },
  };
}
