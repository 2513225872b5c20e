-- AlterTable
ALTER TABLE "builder" ADD COLUMN     "locks" JSONB NOT NULL DEFAULT '[]';

-- AlterTable
ALTER TABLE "worker" ADD COLUMN     "locks" JSONB NOT NULL DEFAULT '[]';

-- AlterTable
ALTER TABLE "step" ADD COLUMN     "locks_acquired_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "lock" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "max_count" INTEGER NOT NULL,
    "max_count_for_worker" JSONB NOT NULL DEFAULT '{}',
    "places" INTEGER NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "lock_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "lock_owner" (
    "org_id" BIGINT NOT NULL,
    "lock_id" BIGINT NOT NULL,
    "scope" BIGINT NOT NULL,
    "place" INTEGER NOT NULL,
    "build_id" BIGINT NOT NULL,
    "step_id" BIGINT,
    "is_exclusive" BOOLEAN NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "lock_owner_pkey" PRIMARY KEY ("lock_id","scope","place")
);

-- CreateTable
CREATE TABLE "lock_waiter" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "lock_id" BIGINT NOT NULL,
    "scope" BIGINT NOT NULL,
    "build_id" BIGINT NOT NULL,
    "step_id" BIGINT NOT NULL,
    "is_exclusive" BOOLEAN NOT NULL,
    "count" INTEGER NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "lock_waiter_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "lock_org_id_name_key" ON "lock"("org_id", "name");

-- CreateIndex
CREATE INDEX "lock_owner_build_id_idx" ON "lock_owner"("build_id");

-- CreateIndex
CREATE INDEX "lock_waiter_lock_id_scope_id_idx" ON "lock_waiter"("lock_id", "scope", "id");

-- CreateIndex
CREATE INDEX "lock_waiter_build_id_idx" ON "lock_waiter"("build_id");

-- CreateIndex
CREATE UNIQUE INDEX "lock_waiter_step_id_lock_id_key" ON "lock_waiter"("step_id", "lock_id");

-- AddForeignKey
ALTER TABLE "lock_owner" ADD CONSTRAINT "lock_owner_lock_id_fkey" FOREIGN KEY ("lock_id") REFERENCES "lock"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "lock_waiter" ADD CONSTRAINT "lock_waiter_lock_id_fkey" FOREIGN KEY ("lock_id") REFERENCES "lock"("id") ON DELETE CASCADE ON UPDATE CASCADE;

GRANT SELECT, INSERT, UPDATE, DELETE ON "lock", "lock_owner", "lock_waiter" TO "slipway_web";
GRANT USAGE ON SEQUENCE "lock_id_seq", "lock_waiter_id_seq" TO "slipway_web";

ALTER TABLE "lock" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own_organization" ON "lock" FOR ALL TO "slipway_web"
  USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
  WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint);

ALTER TABLE "lock_owner" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own_organization" ON "lock_owner" FOR ALL TO "slipway_web"
  USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
  WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint);

ALTER TABLE "lock_waiter" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own_organization" ON "lock_waiter" FOR ALL TO "slipway_web"
  USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
  WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint);
