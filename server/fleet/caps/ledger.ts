/**
 * A machine that is gone goes into the accounts of its organisation, by days, in the statement that
 * says so: once, and nothing has to be summed over old machines any more.
 */
import type { Batch } from "../../db/transition";
import { usageSql } from "./usage-sql";

/**
 * Always in one order, so that of two machines that go in the same moment one waits for the other, and
 * never both.
 * @param gone a relation of machines, `gone_at` set
 */
export const accountSql = (gone: string) => `
    insert into instance_usage (org_id, kind, day, subject_id, machines, began, seconds, cost)
     select * from (${usageSql(gone)}) u order by org_id, kind, day, subject_id
     on conflict (org_id, kind, day, subject_id) do update set machines = instance_usage.machines + excluded.machines,
       began = instance_usage.began + excluded.began, seconds = instance_usage.seconds + excluded.seconds,
       cost = instance_usage.cost + excluded.cost`;

/** @param gone the named statement whose rows are the machines */
export function account(batch: Batch, gone: string): void {
  batch.with("accounted", accountSql(gone));
}
