import { z } from "zod";
import type { Queryable } from "../../db/pool";
import { AppError } from "../../domain/errors";
import { biography, shareAmong, startMs } from "../../domain/instances";
import { ms } from "../sql";
import type { OrgScope } from "../trpc";
import { INSTANCE_COLUMNS, INSTANCE_TABLES, type InstanceFacts, withCost } from "./row";

export const instanceInput = z.object({ instanceId: z.number().int().positive() });

/** One change of its state. */
export interface LifeEvent {
  at: number;
  /** Null: it was asked for. */
  from: string | null;
  to: string;
  reason: string;
  /** A person, or a process of ours. */
  actor: string;
}

/** A build that waited for the machine or had it, oldest first. */
export interface InstanceBuild {
  id: number;
  number: number;
  builderId: number;
  builder: string;
  state: string;
  result: number | null;
  /** When it had the machine; null: it waited, and the machine never came. */
  from: number | null;
  to: number | null;
  /** Its share of what the machine has cost so far; null: not known, or none. */
  cost: number | null;
}

/**
 * A machine and its biography: `stretches` are its life without gaps, `events` every change of state
 * with the reason (the provider's words where it failed), `startMs` from the wish to the login.
 */
export async function oneInstance(org: OrgScope, { instanceId }: z.output<typeof instanceInput>) {
  return org.within(async (tx) => {
    const key = [org.orgId, instanceId];
    const [facts] = await tx.rows<InstanceFacts>(ONE, key);
    if (facts === undefined) throw new AppError("request.not-found", { what: "instance" });
    const events = await tx.rows<LifeEvent>(EVENTS, key);
    const builds = await tx.rows<Omit<InstanceBuild, "cost">>(BUILDS, key);
    const now = Date.now();
    const row = withCost(facts, now);
    const end = facts.stoppingAt ?? facts.goneAt ?? now;
    const shares =
      row.cost === null ? new Map<number, number>() : shareAmong(builds, row.cost, end);
    return {
      ...row,
      startMs: startMs(facts),
      stretches: biography(facts, builds),
      events,
      builds: builds.map(
        (build): InstanceBuild => ({
          ...build,
          cost: shares.get(build.id) ?? null,
        }),
      ),
      currency: await currencyOf(tx, org.orgId),
    };
  });
}

export type InstancePage = Awaited<ReturnType<typeof oneInstance>>;

export const buildMachineInput = z.object({ buildId: z.number().int().positive() });

/** The machine that a build waited for or had, and its share of the cost; null: it had none. */
export async function machineOfBuild(
  org: OrgScope,
  { buildId }: z.output<typeof buildMachineInput>,
) {
  const [build] = await org.within((tx) =>
    tx.rows<{ instanceId: number | null }>(
      `select instance_id as "instanceId" from build where org_id = $1 and id = $2`,
      [org.orgId, buildId],
    ),
  );
  if (build === undefined) throw new AppError("request.not-found", { what: "build" });
  if (build.instanceId === null) return null;
  const {
    builds,
    stretches,
    events: _,
    ...machine
  } = await oneInstance(org, {
    instanceId: build.instanceId,
  });
  return { machine, stretches, cost: builds.find(({ id }) => id === buildId)?.cost ?? null };
}

export async function currencyOf(tx: Queryable, orgId: number): Promise<string | null> {
  const [row] = await tx.rows<{ currency: string | null }>(
    "select currency from instance_policy where org_id = $1",
    [orgId],
  );
  return row?.currency ?? null;
}

const ONE = `select ${INSTANCE_COLUMNS} from ${INSTANCE_TABLES} where i.org_id = $1 and i.id = $2`;

const EVENTS = {
  name: "instance-life",
  text: `select ${ms("t.at")} as at, t.from_state as "from", t.to_state as "to", t.reason, t.actor
    from transition t where t.org_id = $1 and t.kind = 'instance' and t.subject_id = $2 order by t.id`,
};

const BUILDS = {
  name: "instance-builds",
  text: `select x.id, x.number, x.builder_id as "builderId", b.name as builder, x.state, x.result,
      case when i.connected_at is not null and (x.session_id is not null or x.started_at is not null)
        then ${ms("greatest(coalesce(x.started_at, x.created_at), i.connected_at)")} end as "from",
      ${ms("x.complete_at")} as "to"
    from build x join builder b on b.id = x.builder_id join instance i on i.id = x.instance_id
    where x.org_id = $1 and x.instance_id = $2 order by x.id`,
};
