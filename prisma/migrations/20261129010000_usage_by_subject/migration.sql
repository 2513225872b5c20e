-- What machines that are gone have used, by day (UTC), of all, of each worker, pool and builder: nothing has to be
-- added up over old machines for a page any more (server/fleet/caps/usage-sql.ts).
ALTER TABLE "instance_usage" ADD COLUMN "kind" TEXT NOT NULL DEFAULT 'all';
ALTER TABLE "instance_usage" ALTER COLUMN "kind" DROP DEFAULT;
ALTER TABLE "instance_usage" ADD COLUMN "subject_id" BIGINT NOT NULL DEFAULT 0;
-- Machines that ran on that day, and of these those whose first day it was.
ALTER TABLE "instance_usage" ADD COLUMN "machines" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "instance_usage" ADD COLUMN "began" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "instance_usage" DROP CONSTRAINT "instance_usage_pkey";
ALTER TABLE "instance_usage" ADD CONSTRAINT "instance_usage_pkey" PRIMARY KEY ("org_id", "kind", "day", "subject_id");
ALTER TABLE "instance_usage" ADD CONSTRAINT "instance_usage_kind"
  CHECK ("kind" IN ('all', 'unpriced', 'builder', 'worker', 'pool'));

-- Those that are gone already.
WITH parts AS (
  SELECT m.org_id, s.kind, d.day, s.subject_id, d.is_first, s.part, u.seconds,
    coalesce(m.price_per_hour, 0) * CASE m.billing WHEN 'second' THEN u.seconds / 3600
      WHEN 'started-hour' THEN ceil(u.until / 3600) - ceil(u.before / 3600) ELSE 0 END AS cost
  FROM instance m
  CROSS JOIN LATERAL (
    SELECT (m.created_at AT TIME ZONE 'UTC')::date + n AS day, n = 0 AS is_first
    FROM generate_series(0, (m.gone_at AT TIME ZONE 'UTC')::date - (m.created_at AT TIME ZONE 'UTC')::date) n) d
  CROSS JOIN LATERAL (
    SELECT extract(epoch FROM least(m.gone_at, (d.day + 1)::timestamp AT TIME ZONE 'UTC') - m.created_at)::float8 AS until,
      extract(epoch FROM greatest(m.created_at, d.day::timestamp AT TIME ZONE 'UTC') - m.created_at)::float8 AS before,
      extract(epoch FROM least(m.gone_at, (d.day + 1)::timestamp AT TIME ZONE 'UTC')
        - greatest(m.created_at, d.day::timestamp AT TIME ZONE 'UTC'))::float8 AS seconds) u
  CROSS JOIN LATERAL (
    SELECT 'all' AS kind, 0::bigint AS subject_id, 1::float8 AS part
    UNION ALL SELECT 'unpriced', 0, 1 WHERE m.price_per_hour IS NULL AND m.billing <> 'free'
    UNION ALL SELECT 'worker', m.worker_id, 1
    UNION ALL SELECT 'pool', m.pool_id, 1 WHERE m.pool_id IS NOT NULL
    UNION ALL
    SELECT 'builder', coalesce(b.builder_id, 0), coalesce(b.seconds / sum(b.seconds) OVER (), 1)
    FROM (VALUES (0)) any_or_none LEFT JOIN (
      SELECT x.builder_id, sum(greatest(0.001, extract(epoch FROM
          least(coalesce(x.complete_at, e.at), e.at) - greatest(coalesce(x.started_at, x.created_at), m.connected_at)))) AS seconds
      FROM build x CROSS JOIN (SELECT coalesce(m.stopping_at, m.gone_at) AS at) e
      WHERE x.instance_id = m.id AND m.connected_at IS NOT NULL AND (x.session_id IS NOT NULL OR x.started_at IS NOT NULL)
      GROUP BY x.builder_id) b ON true) s
  WHERE m.state = 'gone' AND (m.answered_at IS NOT NULL OR m.connected_at IS NOT NULL) AND u.seconds > 0)
INSERT INTO instance_usage (org_id, kind, day, subject_id, machines, began, seconds, cost)
SELECT org_id, kind, day, subject_id, count(*), count(*) FILTER (WHERE is_first), sum(seconds * part), sum(cost * part)
FROM parts GROUP BY org_id, kind, day, subject_id
ON CONFLICT (org_id, kind, day, subject_id) DO UPDATE SET machines = excluded.machines, began = excluded.began,
  seconds = excluded.seconds, cost = excluded.cost;
