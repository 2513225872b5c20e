/** A pool as the API reads it (K-039): how large, how large it wants to be, and what keeps it from that. */
import { POOL_DEFAULTS } from "../domain/pools";
import { bool, int, json, text, texts, time } from "./fields";

const figure = (name: string) => int(`coalesce((t.figures->>'${name}')::int, 0)`);

/** What was decided last, with the moment at which a limit may be otherwise in whole seconds. */
const LIMITS = `(select coalesce(jsonb_agg(jsonb_build_object('code', l->'code', 'room', l->'room',
    'reason', l->'sentence', 'until', floor((l->>'until')::float8 / 1000)::bigint) order by o), '[]')
  from jsonb_array_elements(coalesce(t.figures->'limits', '[]')) with ordinality as x (l, o))`;

const OPTIONS = `('${JSON.stringify(POOL_DEFAULTS)}'::jsonb || (t.config - 'worker' - 'labels'))`;

/** Of the pool's workers `w` that have a machine, or are about to. */
const WITH_MACHINES = `worker w left join latent_worker l on l.worker_id = w.id
  left join instance i on i.id = l.instance_id
  where w.pool_id = t.id and w.removed_at is null
    and case when l.id is null then w.session_id is not null else l.state not in ('insubstantiated', 'shut-down') end`;

const seconds = (sql: string) => `floor(extract(epoch from ${sql}))::bigint`;

export const POOL_FIELDS = {
  poolid: int("t.id"),
  name: text("t.name"),
  active: bool("t.removed_at is null"),
  /** Class name of its workers; `Worker`: machines of others join it. */
  kind: text("t.kind"),
  labels: texts("t.labels"),
  max_workers: int("t.max_workers"),
  options: json(OPTIONS),
  /** Machines that it has, whatever they do. */
  size: int(`(select count(*)::int from ${WITH_MACHINES})`),
  desired: figure("desired"),
  /** Requests that may use it and wait. */
  queue: figure("queue"),
  starting: figure("starting"),
  idle: figure("idle"),
  busy: figure("busy"),
  stopping: figure("stopping"),
  /** Why it is not larger, the tightest first; empty: it is as large as it wants to be. */
  limits: json(LIMITS),
  looked_at: time("t.figures_at"),
  steering: json(
    `case when t.steering is not null then jsonb_build_object('how', t.steering, 'by', t.steered_by,
      'reason', t.steer_reason, 'since', ${seconds("t.steered_at")}) end`,
  ),
  backoff: json(
    `case when t.backoff_until is not null then jsonb_build_object('until', ${seconds("t.backoff_until")},
      'code', t.backoff_code, 'reason', t.backoff_reason) end`,
  ),
  machines: json(
    `(select coalesce(jsonb_agg(jsonb_build_object('workerid', w.id, 'worker', w.name, 'instanceid', i.id,
        'key', i.key, 'state', coalesce(l.state, 'connected'), 'reason', l.reason,
        'since', ${seconds("coalesce(l.state_since, w.joined_at)")}) order by w.pool_number), '[]')
      from ${WITH_MACHINES})`,
  ),
};
