-- Pools: worker rows made as they are needed (server/domain/pools, decision on pools). The row survives
-- removal from the configuration: the history of its workers hangs on it.
CREATE TABLE "pool" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "config" JSONB NOT NULL,
    "labels" TEXT[] NOT NULL DEFAULT '{}',
    "max_workers" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "removed_at" TIMESTAMPTZ(3),
    "steering" TEXT,
    "steered_at" TIMESTAMPTZ(3),
    "steered_by" TEXT,
    "steer_reason" TEXT,
    "backoff_until" TIMESTAMPTZ(3),
    "backoff_count" INTEGER NOT NULL DEFAULT 0,
    "backoff_code" TEXT,
    "backoff_reason" TEXT,
    "judged_since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "budget_hours" DOUBLE PRECISION,
    "budget_checked_at" TIMESTAMPTZ(3),
    "figures" JSONB NOT NULL DEFAULT '{}',
    "figures_at" TIMESTAMPTZ(3),
    CONSTRAINT "pool_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "pool_steering" CHECK ("steering" IN ('hold', 'drain'))
);
CREATE UNIQUE INDEX "pool_org_id_name_key" ON "pool"("org_id", "name");

CREATE TABLE "builder_pool" (
    "org_id" BIGINT NOT NULL,
    "builder_id" BIGINT NOT NULL,
    "pool_id" BIGINT NOT NULL,
    CONSTRAINT "builder_pool_pkey" PRIMARY KEY ("builder_id", "pool_id")
);
CREATE INDEX "builder_pool_pool_id_idx" ON "builder_pool"("pool_id");
ALTER TABLE "builder_pool" ADD CONSTRAINT "builder_pool_builder_id_fkey" FOREIGN KEY ("builder_id") REFERENCES "builder"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "builder_pool" ADD CONSTRAINT "builder_pool_pool_id_fkey" FOREIGN KEY ("pool_id") REFERENCES "pool"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What the screens draw over a day: the greatest of each figure in a quarter of a minute.
CREATE TABLE "pool_sample" (
    "pool_id" BIGINT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "org_id" BIGINT NOT NULL,
    "queue" INTEGER NOT NULL,
    "desired" INTEGER NOT NULL,
    "starting" INTEGER NOT NULL,
    "idle" INTEGER NOT NULL,
    "busy" INTEGER NOT NULL,
    CONSTRAINT "pool_sample_pkey" PRIMARY KEY ("pool_id", "at")
);
CREATE INDEX "pool_sample_at" ON "pool_sample" USING brin ("at");
ALTER TABLE "pool_sample" ADD CONSTRAINT "pool_sample_pool_id_fkey" FOREIGN KEY ("pool_id") REFERENCES "pool"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Workers of a pool, by the number in their name.
ALTER TABLE "worker" ADD COLUMN "pool_id" BIGINT;
ALTER TABLE "worker" ADD COLUMN "pool_number" INTEGER;
ALTER TABLE "worker" ADD COLUMN "joined_at" TIMESTAMPTZ(3);
ALTER TABLE "worker" ADD COLUMN "joined_from" TEXT;
ALTER TABLE "worker" ADD CONSTRAINT "worker_pool_id_fkey" FOREIGN KEY ("pool_id") REFERENCES "pool"("id") ON DELETE SET NULL ON UPDATE CASCADE;
CREATE UNIQUE INDEX "worker_pool_id_pool_number_key" ON "worker"("pool_id", "pool_number");

-- is_open: the next build may have a new machine made; is_wished: it is to have a machine without a build.
ALTER TABLE "latent_worker" ADD COLUMN "is_open" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "latent_worker" ADD COLUMN "is_wished" BOOLEAN NOT NULL DEFAULT false;

-- How the start of a pool's machine ended.
ALTER TABLE "instance" ADD COLUMN "pool_id" BIGINT;
ALTER TABLE "instance" ADD COLUMN "attached_at" TIMESTAMPTZ(3);
ALTER TABLE "instance" ADD COLUMN "failed_at" TIMESTAMPTZ(3);
ALTER TABLE "instance" ADD COLUMN "failure_code" TEXT;
CREATE INDEX "instance_pool" ON "instance" ("pool_id", "created_at") WHERE "pool_id" IS NOT NULL;
CREATE INDEX "instance_pool_start" ON "instance" ("pool_id", coalesce("failed_at", "attached_at"))
  WHERE "pool_id" IS NOT NULL AND ("failed_at" IS NOT NULL OR "attached_at" IS NOT NULL);

GRANT SELECT, INSERT, UPDATE, DELETE ON "pool", "builder_pool", "pool_sample" TO "slipway_web";
GRANT USAGE ON SEQUENCE "pool_id_seq" TO "slipway_web";
ALTER TABLE "pool" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "builder_pool" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "pool_sample" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own_organization" ON "pool" FOR ALL TO "slipway_web"
  USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
  WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint);
CREATE POLICY "own_organization" ON "builder_pool" FOR ALL TO "slipway_web"
  USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
  WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint);
CREATE POLICY "own_organization" ON "pool_sample" FOR ALL TO "slipway_web"
  USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
  WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint);
