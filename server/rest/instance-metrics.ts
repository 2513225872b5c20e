/** Figures of the machines of latent workers, as Prometheus reads them (spec 11, 18). */
import type { Queryable } from "../db/pool";
import { STOP_ALARM_SECONDS } from "../domain/latent";

const STATES = ["requested", "starting", "running", "stopping", "broken"] as const;
/** Of how long machines took from the wish to the login, those of the last hour. */
const BOUNDS = [5, 15, 30, 60, 120, 300, 600, 1_200] as const;

interface Figures {
  states: Partial<Record<(typeof STATES)[number], number>>;
  orphans: number;
  failures: number;
  /** Seconds, of each that logged in. */
  starts: number[];
  overdue: number;
}

export async function instanceMetrics(tx: Queryable, orgId: number): Promise<string[]> {
  const [row] = await tx.rows<Figures>(FIGURES, [orgId]);
  if (!row) throw new Error("a statement without a row");
  const { states, orphans, failures, starts, overdue } = row;
  const within = (bound: number) => starts.filter((seconds) => seconds <= bound).length;
  return [
    ...head("latent_orphans", "gauge", "Machines at providers that nobody here owns."),
    `latent_orphans ${orphans}`,
    ...head("latent_overdue_stops", "gauge", "Machines that could not be stopped for 15 minutes."),
    `latent_overdue_stops ${overdue}`,
    ...head("latent_instances", "gauge", "Machines of latent workers by state."),
    ...STATES.map((state) => `latent_instances{state="${state}"} ${states[state] ?? 0}`),
    ...head("latent_failed_starts", "gauge", "Machines of the last hour that came to nothing."),
    `latent_failed_starts ${failures}`,
    ...head(
      "latent_start_seconds",
      "histogram",
      "From the wish for a machine to its login, of those of the last hour.",
    ),
    ...BOUNDS.map((bound) => `latent_start_seconds_bucket{le="${bound}"} ${within(bound)}`),
    `latent_start_seconds_bucket{le="+Inf"} ${starts.length}`,
    `latent_start_seconds_sum ${starts.reduce((sum, seconds) => sum + seconds, 0)}`,
    `latent_start_seconds_count ${starts.length}`,
  ];
}

const head = (name: string, type: string, help: string) => [
  `# HELP ${name} ${help}`,
  `# TYPE ${name} ${type}`,
];

/** Those of the last hour: the live ones, and those that are gone since. */
const FIGURES = {
  name: "instance-metrics",
  text: `
    with recent as (
      select created_at, connected_at, is_failed from instance where org_id = $1 and state <> 'gone'
      union all
      select created_at, connected_at, is_failed from instance where org_id = $1 and gone_at > now() - interval '1 hour')
    select (select coalesce(jsonb_object_agg(state, n), '{}') from (
        select state, count(*) as n from instance where org_id = $1 and state <> 'gone' group by state) s) as states,
      (select count(*) from instance_sighting where org_id = $1 and kind = 'orphan')::int as orphans,
      (select count(*) from recent where is_failed and created_at > now() - interval '1 hour')::int as failures,
      (select coalesce(jsonb_agg(extract(epoch from connected_at - created_at)), '[]') from recent
        where connected_at > now() - interval '1 hour') as starts,
      ((select count(*) from instance where org_id = $1 and state = 'stopping' and stop_tries > 0
          and stopping_at <= now() - interval '${STOP_ALARM_SECONDS} seconds')
        + (select count(*) from instance_sighting where org_id = $1 and kind = 'orphan'
          and stop_asked_at <= now() - interval '${STOP_ALARM_SECONDS} seconds'))::int as overdue`,
};
