/**
 * What stands behind every wake-up for latent workers: rows whose time has come, rows whose driver has
 * died, machines that could not be stopped. However often it runs, and in how many processes, each is
 * seen to by one.
 */
import { Batch } from "../../db/transition";
import type { InstanceId, OrgId, WorkerId } from "../../domain/ids";
import { DriverError } from "../../drivers/contract";
import { within } from "./call";
import { machineGone, stopAgain } from "./changes";
import type { LatentContext, LatentFleet } from "./context";
import { handleOf } from "./load";
import { openDriver } from "./open-driver";
import { accountFor } from "./turns";

const AT_ONCE = 500;
/** Whoever took one from the line of those that are due says within so long when its next look is. */
const TAKEN_SECONDS = 20;
const STOP_SECONDS = 120;

/** @returns when all that was due is known; what is under way then, settles */
export async function sweepLatent(
  context: LatentContext,
  fleet: LatentFleet,
): Promise<{ readonly done: Promise<void> }> {
  const rows = await context.db.rows<{ workerId: WorkerId }>({
    name: "latent-due",
    // Those that wait for their clouds are held: however many they are, the others come first.
    text: `with due as (
        select d.id from deadline d left join latent_worker l on l.worker_id = d.subject_id
        where d.kind = 'latent-worker' and d.fire_at <= now()
        order by l.owner_id is not null, d.fire_at limit ${AT_ONCE} for update of d skip locked),
      taken as (
        update deadline d set fire_at = now() + interval '${TAKEN_SECONDS} seconds' from due where d.id = due.id
        returning d.subject_id)
      select subject_id as "workerId" from taken
      union select l.worker_id from latent_worker l join process p on p.id = l.owner_id
        where p.gone_at is not null or p.lease_expires_at <= now()`,
  });
  const orphans = await dueStops(context);
  const looks = [
    ...rows.map(({ workerId }) => fleet.see(workerId)),
    ...orphans.map((orphan) => attempt(context, fleet, orphan)),
  ];
  return { done: Promise.all(looks).then(() => {}) };
}

interface Orphan {
  readonly id: InstanceId;
  readonly orgId: OrgId;
  readonly workerId: WorkerId;
  readonly key: string;
  readonly kind: string;
  readonly generation: number;
  readonly config: unknown;
  readonly handle: unknown;
}

/** Machines to be stopped once more; whoever took them has so long to do it. */
function dueStops({ db }: LatentContext): Promise<Orphan[]> {
  return db.rows<Orphan>({
    name: "latent-stops-due",
    text: `with due as (
        select id from deadline where kind = 'instance-stopping' and fire_at <= now()
        order by fire_at limit ${AT_ONCE} for update skip locked),
      taken as (
        update deadline d set fire_at = now() + interval '${2 * STOP_SECONDS} seconds' from due where d.id = due.id
        returning d.subject_id)
      select i.id, i.org_id as "orgId", i.worker_id as "workerId", i.key, i.driver as kind, i.generation, i.config, i.handle
      from taken join instance i on i.id = taken.subject_id`,
  });
}

async function attempt(context: LatentContext, fleet: LatentFleet, orphan: Orphan): Promise<void> {
  try {
    await stopOrphan(context, fleet, orphan);
  } catch (error) {
    context.log("a machine left for the next sweep", { key: orphan.key, error });
  }
}

/** Without a turn it waits for one; its deadline stands behind that. */
async function stopOrphan(
  context: LatentContext,
  fleet: LatentFleet,
  orphan: Orphan,
): Promise<void> {
  const account = accountFor(context.kinds, orphan);
  const asker = {
    ...{ orgId: orphan.orgId, id: `instance ${orphan.id}` },
    wake: () => attempt(context, fleet, orphan),
  };
  const turn = account && fleet.turns.take(account, "stop", asker);
  if (turn && "why" in turn) return;
  const batch = new Batch(orphan.orgId);
  try {
    const driver = await openDriver(context, orphan);
    const handle = handleOf(context.installation, orphan, orphan);
    await within(STOP_SECONDS, "stop", (signal) => driver.stop(handle, "now", signal));
    machineGone(batch, orphan.id, context.actor);
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    context.log("a machine could still not be stopped", { key: orphan.key, error });
    if (account && error.retryAfterSeconds !== null) {
      fleet.turns.pause(account, "stop", error.retryAfterSeconds);
    }
    stopAgain(batch, orphan.id, error);
  } finally {
    turn?.end();
  }
  await batch.commit(context.db);
  context.announce();
}
