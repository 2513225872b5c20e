/**
 * Why a worker that proved who it is does not attach: one sentence, for our log, the worker's page and
 * the worker's own log. What is told is how things stand now, a moment after it was refused.
 */
import type { Queryable } from "../../db/pool";
import type { SessionId, WorkerId } from "../../domain/ids";
import { LATENT_WORKER, type LatentState } from "../../domain/latent";
import type { WorkerFacts } from "../../domain/wire";
import { INSTANCE_VARIABLE } from "../../drivers/contract";

interface Standing {
  readonly name: string;
  readonly isEnded: boolean;
  readonly state: LatentState | null;
  readonly generation: number | null;
  readonly own: number | null;
  /** The machine that it comes from was told to go. */
  readonly isGoing: boolean;
  /** Of the present machine. */
  readonly key: string | null;
}

const ENDED = "its session was ended while it was attaching";

export async function whyRefused(
  q: Queryable,
  workerId: WorkerId,
  sessionId: SessionId,
  environ: WorkerFacts["environ"],
): Promise<string> {
  const [now] = await q.rows<Standing>(
    `select w.name, s.ended_at is not null or coalesce(s.end_requested = 'kill', false) as "isEnded", l.state,
       l.generation, s.generation as own, exists (select from instance i where i.worker_id = w.id
         and i.generation = s.generation and i.state = 'stopping') as "isGoing",
       (select i.key from instance i where i.id = l.instance_id) as key
     from worker_session s join worker w on w.id = s.worker_id
     left join latent_worker l on l.worker_id = w.id and l.is_latent
     where s.id = $1 and w.id = $2`,
    [sessionId, workerId],
  );
  if (!now?.state) return ENDED;
  const { name, state, generation, own, isGoing, isEnded, key } = now;
  if (own !== generation) {
    return own === null
      ? `worker ${name} has machines made for it now, and this is none of them`
      : `it is machine ${own} of worker ${name}, whose machine is number ${generation} now`;
  }
  const other = environ[INSTANCE_VARIABLE];
  if (other !== undefined && key !== null && other !== key) {
    return `it is machine ${other} of worker ${name}, whose machine is ${key} now`;
  }
  if (isGoing) return `its machine, number ${own} of worker ${name}, was told to go`;
  if (isEnded) return ENDED;
  return `no build waits for its machine: of worker ${name}, ${LATENT_WORKER[state].means}`;
}
