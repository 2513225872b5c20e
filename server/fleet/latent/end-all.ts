/**
 * The final shutdown of an installation: every machine of every latent worker goes, and none is
 * made any more, until somebody says that it goes on. A restart is nothing of the kind: whoever comes
 * next takes over what is there.
 */
import type { Queryable } from "../../db/pool";
import type { OrgId } from "../../domain/ids";

/** @returns the organisations whose workers are to be seen to */
export async function endAll(q: Queryable, isEnding: boolean): Promise<OrgId[]> {
  const rows = await q.rows<{ orgId: OrgId }>(
    `with concerned as (
       update latent_worker set is_ending = $1 where is_ending <> $1 returning org_id, worker_id),
     due as (
       insert into deadline (org_id, kind, subject_id, fire_at, reason)
       select org_id, 'latent-worker', worker_id, now(),
         case when $1 then 'the installation is shut down for good' else 'the installation goes on' end from concerned
       on conflict (kind, subject_id) do update set fire_at = excluded.fire_at, reason = excluded.reason)
     select distinct org_id as "orgId" from concerned`,
    [isEnding],
  );
  return rows.map(({ orgId }) => orgId);
}

export interface MachineLeft {
  readonly key: string;
  readonly state: string;
  /** The provider's words, when it could last not be stopped. */
  readonly error: string | null;
}

/** Machines that the provider may still have. */
export function machinesLeft(q: Queryable): Promise<MachineLeft[]> {
  return q.rows(
    `select key, state, last_error as error from instance where state <> 'gone' order by id`,
  );
}
