-- Somebody tries a driver's settings: a machine is made, logs in, and is stopped, stage by stage.
CREATE TABLE "driver_test" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "worker_name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "config" JSONB NOT NULL,
    "asked_by" TEXT NOT NULL,
    "asked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "owner_id" BIGINT,
    "started_at" TIMESTAMPTZ(3),
    "stages" JSONB NOT NULL DEFAULT '[]',
    "instance_id" BIGINT,
    "login_name" TEXT NOT NULL,
    "sealed_password" BYTEA,
    "logged_in_at" TIMESTAMPTZ(3),
    "login_says" TEXT,
    "cancelled_at" TIMESTAMPTZ(3),
    "cancelled_by" TEXT,
    "ended_at" TIMESTAMPTZ(3),
    "outcome" TEXT,

    CONSTRAINT "driver_test_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "driver_test_org_id_id_idx" ON "driver_test"("org_id", "id");
CREATE UNIQUE INDEX "driver_test_login_name_key" ON "driver_test"("login_name");
CREATE INDEX "driver_test_waiting" ON "driver_test" ("id") WHERE "ended_at" IS NULL;
CREATE INDEX "driver_test_instance" ON "driver_test" ("instance_id") WHERE "instance_id" IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON "driver_test" TO "slipway_web";
GRANT USAGE ON SEQUENCE "driver_test_id_seq" TO "slipway_web";
ALTER TABLE "driver_test" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own_organization" ON "driver_test" FOR ALL TO "slipway_web"
  USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
  WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint);
