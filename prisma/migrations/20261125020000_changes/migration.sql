-- Changes, what schedulers keep of them, which buildsets they are in, and what a source does next.

ALTER TABLE "change" ADD COLUMN "change_source_id" BIGINT,
  ADD COLUMN "source_stamp_id" BIGINT,
  ADD COLUMN "file_count" INTEGER NOT NULL DEFAULT 0;

ALTER TABLE "scheduler" ADD COLUMN "fired_at" TIMESTAMPTZ(3),
  ADD COLUMN "last_error" TEXT;

ALTER TABLE "change_source" ADD COLUMN "fire_at" TIMESTAMPTZ(3),
  ADD COLUMN "polled_at" TIMESTAMPTZ(3),
  ADD COLUMN "last_error" TEXT,
  ADD COLUMN "failing_since" TIMESTAMPTZ(3),
  ADD COLUMN "poller_id" BIGINT,
  ADD COLUMN "poll_number" INTEGER NOT NULL DEFAULT 0;

ALTER TABLE "build_request" ADD COLUMN "collapsed_into_id" BIGINT;

-- CreateTable
CREATE TABLE "scheduler_change" (
    "org_id" BIGINT NOT NULL,
    "scheduler_id" BIGINT NOT NULL,
    "change_id" BIGINT NOT NULL,
    "line" TEXT NOT NULL,
    "is_important" BOOLEAN NOT NULL,

    CONSTRAINT "scheduler_change_pkey" PRIMARY KEY ("scheduler_id","change_id")
);

-- CreateTable
CREATE TABLE "buildset_change" (
    "org_id" BIGINT NOT NULL,
    "buildset_id" BIGINT NOT NULL,
    "change_id" BIGINT NOT NULL,

    CONSTRAINT "buildset_change_pkey" PRIMARY KEY ("buildset_id","change_id")
);

-- CreateIndex
CREATE INDEX "buildset_change_change_id_idx" ON "buildset_change"("change_id");

-- CreateIndex
CREATE INDEX "change_source_stamp_id_idx" ON "change"("source_stamp_id");

-- What Prisma cannot say.

-- What is due: found without reading what is not.
CREATE INDEX "scheduler_due" ON "scheduler" ("fire_at") WHERE "fire_at" IS NOT NULL AND "removed_at" IS NULL AND "is_enabled";
CREATE INDEX "change_source_due" ON "change_source" ("fire_at") WHERE "fire_at" IS NOT NULL AND "removed_at" IS NULL;
CREATE INDEX "build_request_collapsed" ON "build_request" ("collapsed_into_id") WHERE "collapsed_into_id" IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON "scheduler_change", "buildset_change" TO "slipway_web";

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['scheduler_change', 'buildset_change']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format($p$CREATE POLICY "own_organization" ON %I FOR ALL TO "slipway_web"
      USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
      WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)$p$, name);
  END LOOP;
END $$;

-- A request also covers those that were collapsed into it, and those collapsed into these.
CREATE FUNCTION "changes_of_request"("request" bigint) RETURNS TABLE ("change_id" bigint) LANGUAGE sql STABLE AS $$
  WITH RECURSIVE covered ("id") AS (
    SELECT request
    UNION ALL
    SELECT r.id FROM build_request r JOIN covered c ON r.collapsed_into_id = c.id)
  SELECT DISTINCT b.change_id FROM covered c JOIN build_request r ON r.id = c.id
  JOIN buildset_change b ON b.buildset_id = r.buildset_id
$$;

-- The requests that a change led to, each followed to the one that is built in its place.
CREATE FUNCTION "requests_of_change"("change" bigint) RETURNS TABLE ("request_id" bigint) LANGUAGE sql STABLE AS $$
  WITH RECURSIVE led ("id", "into") AS (
    SELECT r.id, r.collapsed_into_id FROM buildset_change b JOIN build_request r ON r.buildset_id = b.buildset_id
    WHERE b.change_id = change
    UNION ALL
    SELECT r.id, r.collapsed_into_id FROM led JOIN build_request r ON r.id = led.into)
  SELECT DISTINCT id FROM led WHERE "into" IS NULL
$$;
