/**
 * Builds that have a machine which must go are told to stop. They are over with and not built again: the
 * next machine would not live longer.
 */
import type { Queryable } from "../../db/pool";
import { CANCELLED } from "../../domain/builds";
import type { ProcessId, WorkerId } from "../../domain/ids";
import { STOPPING_SECONDS } from "../commands";

/** @returns the processes that have such builds */
export async function endBuilds(
  q: Queryable,
  workerId: WorkerId,
  reason: string,
  actor: string,
): Promise<ProcessId[]> {
  const rows = await q.rows<{ ownerId: ProcessId }>(
    {
      name: "end-builds-of-machine",
      text: `with stopped as (
          update build set stop_requested_at = now(), stop_requested_by = $3, stop_reason = $2, stop_result = ${CANCELLED}
          where worker_id = $1 and state <> 'finished' and not (state = 'preparing' and session_id is null)
            and stop_requested_at is null
          returning id, org_id, owner_id, state),
        limited as (
          insert into deadline (org_id, kind, subject_id, fire_at, reason)
          select org_id, 'build-stopping', id, now() + interval '${STOPPING_SECONDS} seconds',
            'it did not stop within ${STOPPING_SECONDS} s' from stopped
          on conflict (kind, subject_id) do nothing),
        history as (
          insert into transition (org_id, kind, subject_id, from_state, to_state, reason, actor)
          select org_id, 'build', id, state, state, 'stop asked for: ' || $2, $3 from stopped),
        told as (
          insert into outbox (org_id, topic, body)
          select org_id, 'builds/' || id || '/update', jsonb_build_object('id', id, 'stopping', true) from stopped)
        select distinct owner_id as "ownerId" from stopped`,
    },
    [workerId, reason, actor],
  );
  return rows.map(({ ownerId }) => ownerId);
}
