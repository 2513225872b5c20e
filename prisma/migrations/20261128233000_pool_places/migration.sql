-- What each worker of a pool takes over from it.
ALTER TABLE "pool" ADD COLUMN "locks" JSONB NOT NULL DEFAULT '[]';
ALTER TABLE "pool" ADD COLUMN "build_wait_seconds" DOUBLE PRECISION NOT NULL DEFAULT 0;

-- How a start ended is told by connected_at, is_failed and stopping_at.
DROP INDEX "instance_pool_start";
ALTER TABLE "instance" DROP COLUMN "attached_at", DROP COLUMN "failed_at";
CREATE INDEX "instance_pool_start" ON "instance" ("pool_id", coalesce("connected_at", "stopping_at"))
  WHERE "pool_id" IS NOT NULL AND ("connected_at" IS NOT NULL OR "is_failed");
