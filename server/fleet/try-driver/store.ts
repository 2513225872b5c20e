/** Tests of drivers as rows. What nobody owns, or somebody who is gone, may be taken by any process. */
import { jsonText } from "../../db/json-text";
import type { Queryable } from "../../db/pool";
import type { InstanceId, OrgId, ProcessId } from "../../domain/ids";
import type { StageReport, TestOutcome } from "../../domain/latent";

export interface TestRow {
  readonly id: number;
  readonly orgId: OrgId;
  readonly orgSlug: string;
  readonly workerName: string;
  readonly kind: string;
  /** With names of secrets. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly askedBy: string;
  readonly loginName: string;
  readonly instanceId: InstanceId | null;
  readonly stages: readonly StageReport[];
  /** Somebody had begun, and is gone. */
  readonly isOrphan: boolean;
}

/** Organisations that have few under way come first: nobody waits for the tests of one alone. */
export async function claimTests(
  q: Queryable,
  ownerId: ProcessId,
  atMost: number,
): Promise<TestRow[]> {
  return q.rows<TestRow>(
    {
      name: "claim-driver-tests",
      text: `with free as (
          select t.id, t.started_at is not null as is_orphan from driver_test t
          left join process p on p.id = t.owner_id
          where t.ended_at is null
            and (t.owner_id is null or p.id is null or p.gone_at is not null or p.lease_expires_at <= now())
          order by (select count(*) from driver_test o
            where o.org_id = t.org_id and o.ended_at is null and o.owner_id is not null), t.id
          limit $2 for update of t skip locked)
        update driver_test t set owner_id = $1, started_at = coalesce(t.started_at, now())
        from free, organization g where t.id = free.id and g.id = t.org_id
        returning t.id, t.org_id as "orgId", g.slug as "orgSlug", t.worker_name as "workerName", t.kind, t.config,
          t.asked_by as "askedBy", t.login_name as "loginName", t.instance_id as "instanceId", t.stages,
          free.is_orphan as "isOrphan"`,
    },
    [ownerId, atMost],
  );
}

export interface News {
  readonly id: number;
  readonly cancelledBy: string | null;
  readonly isCancelled: boolean;
  /** What the worker said of itself; null: it did not log in yet. */
  readonly login: string | null;
}

/** What others wrote into tests of this process. */
export function newsOf(q: Queryable, ownerId: ProcessId): Promise<News[]> {
  return q.rows<News>(
    {
      name: "driver-test-news",
      text: `select id, cancelled_at is not null as "isCancelled", cancelled_by as "cancelledBy",
          case when logged_in_at is not null then coalesce(login_says, '') end as login
        from driver_test where ended_at is null and owner_id = $1`,
    },
    [ownerId],
  );
}

const TOLD = `insert into outbox (org_id, topic, body)
  select org_id, 'drivertests/' || id || '/update', jsonb_build_object('id', id) from changed`;

export async function writeStages(
  q: Queryable,
  id: number,
  stages: readonly StageReport[],
): Promise<void> {
  await q.rows(
    `with changed as (
       update driver_test set stages = $2 where id = $1 and ended_at is null returning id, org_id)
     ${TOLD}`,
    [id, jsonText(stages)],
  );
}

/** Its login stops working at once. */
export async function endTest(
  q: Queryable,
  id: number,
  outcome: TestOutcome,
  stages: readonly StageReport[],
): Promise<void> {
  await q.rows(
    `with changed as (
       update driver_test set stages = $2, outcome = $3, ended_at = now(), sealed_password = null
       where id = $1 and ended_at is null returning id, org_id)
     ${TOLD}`,
    [id, jsonText(stages), outcome],
  );
}

/** Names of logins that belong to tests: no worker's name has a dot. */
export const TEST_LOGIN = /^test\.[0-9a-f]{16}$/;

/**
 * The machine's worker is at the door, and its password was right.
 * @returns whether a test waited for it
 */
export async function noteTestLogin(
  q: Queryable,
  loginName: string,
  says: string,
): Promise<boolean> {
  const rows = await q.rows(
    `update driver_test set logged_in_at = coalesce(logged_in_at, now()), login_says = $2
     where login_name = $1 and ended_at is null returning id`,
    [loginName, says],
  );
  return rows.length > 0;
}
