/**
 * The machine of a test: an instance like any other, but of no worker. Its row is there before the
 * provider is asked; whoever finds its test without an owner stops it.
 */
import { jsonText } from "../../db/json-text";
import type { Queryable } from "../../db/pool";
import { Batch, Expression } from "../../db/transition";
import type { InstanceId, OrgId } from "../../domain/ids";
import { type Billing, billedAs, priceOf } from "../../domain/instances";
import type { InstanceHandle } from "../../drivers/contract";
import { takePlace } from "../caps";
import { machineGone } from "../latent/changes";

const NOW = new Expression("now()");
/** Of no worker. */
export const NO_WORKER = 0;

export interface TestMachine {
  readonly id: InstanceId;
  readonly orgId: OrgId;
  readonly key: string;
}

/** @throws StaleState when the organisation may have no more machines, or the test is over */
export async function orderMachine(
  q: Queryable,
  test: {
    readonly id: number;
    readonly orgId: OrgId;
    readonly kind: string;
    readonly config: object;
  },
  machine: {
    readonly key: string;
    readonly sealedPassword: Buffer;
    readonly askedBy: string;
    readonly billing: Billing;
  },
  actor: string,
): Promise<InstanceId> {
  const reason = `a test of the settings, asked for by ${machine.askedBy}`;
  const batch = new Batch(test.orgId);
  takePlace(batch, batch.value(test.orgId, "bigint"));
  const columns = {
    worker_id: NO_WORKER,
    driver: test.kind,
    key: machine.key,
    generation: test.id,
    reason,
    config: JSON.stringify(test.config),
    billing: billedAs(machine.billing, priceOf(test.config)),
    price_per_hour: priceOf(test.config),
    place: new Expression("(select place from room)"),
  };
  batch.create("machine", "instance", "requested", columns, {
    ...{ reason, actor },
    event: "instances/{id}/new",
  });
  batch.with(
    "test",
    `update driver_test set instance_id = (select id from machine),
       sealed_password = ${batch.value(machine.sealedPassword, "bytea")}
     where id = ${batch.value(test.id, "bigint")} and ended_at is null and instance_id is null returning id`,
    1,
  );
  const { machine: id } = await batch.commit<{ machine: InstanceId }>(q);
  return id;
}

export async function noteMade(
  q: Queryable,
  { id, orgId }: TestMachine,
  { ref, tag, madeAt }: InstanceHandle,
  actor: string,
): Promise<void> {
  const batch = new Batch(orgId);
  batch.moveAll("machine", "instance", `id = ${batch.value(id, "bigint")}`, {
    ...{ from: "requested", to: "starting", actor, reason: "the provider makes it" },
    set: {
      handle: jsonText({ ref, tag, madeAt }),
      answered_at: NOW,
      reason: "the provider makes it",
    },
    event: "instances/{id}/update",
  });
  await batch.commit(q);
}

export async function noteRuns(q: Queryable, { id, orgId }: TestMachine, actor: string) {
  const batch = new Batch(orgId);
  batch.moveAll("machine", "instance", `id = ${batch.value(id, "bigint")}`, {
    ...{ from: "starting", to: "running", actor, reason: "its worker has logged in" },
    set: { connected_at: NOW, reason: "its worker has logged in" },
    event: "instances/{id}/update",
  });
  await batch.commit(q);
}

export interface Ending {
  readonly reason: string;
  /** Its worker never logged in. */
  readonly isFailed: boolean;
  /** When the sweep may begin to stop it. */
  readonly inSeconds: number;
}

/** It is to go, whatever becomes of us: from here on the sweep tries to stop it until it is gone. */
export async function noteStopping(
  q: Queryable,
  { id, orgId }: TestMachine,
  { reason, isFailed, inSeconds }: Ending,
  actor: string,
): Promise<void> {
  const batch = new Batch(orgId);
  const own = `id = ${batch.value(id, "bigint")}`;
  for (const from of ["requested", "starting", "running", "broken"] as const) {
    batch.moveAll(`machine_${from}`, "instance", own, {
      ...{ from, to: "stopping", reason, actor },
      set: { reason, end_reason: reason, is_failed: isFailed, stopping_at: NOW },
      event: "instances/{id}/update",
    });
  }
  batch.with(
    "stop_at",
    `insert into deadline (org_id, kind, subject_id, fire_at, reason)
     select org_id, 'instance-stopping', id, now() + make_interval(secs => ${batch.value(inSeconds, "float8")}),
       'its test is over' from instance where ${own} and state not in ('gone')
     on conflict (kind, subject_id) do update set fire_at = least(deadline.fire_at, excluded.fire_at)`,
  );
  await batch.commit(q);
}

export async function noteGone(q: Queryable, { id, orgId }: TestMachine, actor: string) {
  const batch = new Batch(orgId);
  machineGone(batch, id, actor);
  await batch.commit(q);
}
