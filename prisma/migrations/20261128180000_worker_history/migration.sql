-- How often in a row a worker failed: what the length of its next quarantine is counted from.
ALTER TABLE "worker" ADD COLUMN "quarantine_count" INTEGER NOT NULL DEFAULT 0;

-- What happened to a worker, line by line.
CREATE TABLE "worker_event" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "org_id" BIGINT NOT NULL,
    "worker_id" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "actor" TEXT NOT NULL,

    CONSTRAINT "worker_event_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "worker_event_worker_id_id_idx" ON "worker_event"("worker_id", "id");

-- For the retention alone: rows lie in the order of their times.
CREATE INDEX "worker_event_at_idx" ON "worker_event" USING BRIN ("at");

GRANT SELECT, INSERT, UPDATE, DELETE ON "worker_event" TO "slipway_web";
GRANT USAGE ON SEQUENCE "worker_event_id_seq" TO "slipway_web";
ALTER TABLE "worker_event" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own_organization" ON "worker_event" FOR ALL TO "slipway_web"
  USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
  WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint);
