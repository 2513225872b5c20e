/**
 * The whole fleet in brief: who is there and how each stands. Filters, counts and choices are made
 * here, with the one function that gives workers their word, so that no query says it again.
 */
import { z } from "zod";
import type { Queryable } from "../../db/pool";
import type { OrgId } from "../../domain/ids";
import { compilePattern } from "../../domain/patterns";
import {
  SHOWN_WORDS,
  type ShownWord,
  shownWord,
  type WordFacts,
} from "../../domain/workers/shown-state";
import { QUARANTINED_UNTIL } from "./row";

export const fleetFilter = z.object({
  /** In the name, whatever the case; or a pattern of the linear-time engine. */
  text: z.string().max(1000).optional(),
  isPattern: z.boolean().optional(),
  /** None: all. */
  words: z.array(z.enum(SHOWN_WORDS)).max(SHOWN_WORDS.length).optional(),
  /** Also those that are not in the configuration any more. */
  withOld: z.boolean().optional(),
});
export type FleetFilter = z.output<typeof fleetFilter>;

export interface BriefWorker extends WordFacts {
  id: number;
  name: string;
}

export interface Fleet {
  /** In the order of their names. */
  readonly matching: readonly BriefWorker[];
  readonly total: number;
  readonly connected: number;
  /** Of those whose name fits, by word: what each filter would show. */
  readonly counts: Readonly<Record<ShownWord, number>>;
  /** Why the text is no pattern. */
  readonly problem: string | null;
}

export async function loadFleet(
  tx: Queryable,
  orgId: OrgId,
  filter: FleetFilter,
  now: number,
): Promise<Fleet> {
  const workers = await tx.rows<BriefWorker>(BRIEF, [orgId, filter.withOld ?? false]);
  return filterFleet(workers, filter, now);
}

export function filterFleet(
  workers: readonly BriefWorker[],
  filter: FleetFilter,
  now: number,
): Fleet {
  const counts = Object.fromEntries(SHOWN_WORDS.map((word) => [word, 0])) as Record<
    ShownWord,
    number
  >;
  const total = workers.length;
  const connected = workers.filter((worker) => worker.isConnected).length;
  let fits: (name: string) => boolean;
  try {
    fits = namesThat(filter);
  } catch (error) {
    return { matching: [], total, connected, counts, problem: (error as Error).message };
  }
  const wanted = new Set(filter.words ?? []);
  const matching = workers.filter((worker) => {
    if (!fits(worker.name)) return false;
    const word = shownWord(worker, now);
    counts[word] += 1;
    return wanted.size === 0 || wanted.has(word);
  });
  return { matching, total, connected, counts, problem: null };
}

/** @throws Error with a message for a person, when the text is no pattern */
function namesThat({ text = "", isPattern = false }: FleetFilter): (name: string) => boolean {
  if (text === "") return () => true;
  if (isPattern) return compilePattern(text).finds;
  const lower = text.toLowerCase();
  return (name) => name.toLowerCase().includes(lower);
}

const BRIEF = {
  name: "fleet-in-brief",
  text: `
    select k.id, k.name, k.session_id is not null as "isConnected", k.paused_at is not null as "isPaused",
           k.is_draining as "isDraining", ${QUARANTINED_UNTIL} as "quarantinedUntil",
           coalesce(run.count, 0)::int as "buildCount", l.state as "latentState"
    from worker k
    left join latent_worker l on l.worker_id = k.id and l.is_latent
    left join (select x.worker_id, count(*) from build x
               where x.org_id = $1 and x.state <> 'finished' group by x.worker_id) run on run.worker_id = k.id
    where k.org_id = $1 and (k.removed_at is null or $2)
    order by k.name`,
};
