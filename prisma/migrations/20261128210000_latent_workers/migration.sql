-- The life of a latent worker (server/domain/latent/state.ts): one row for each, made when it is first
-- wanted. Whoever drives it holds it by owner and epoch.
CREATE TABLE "latent_worker" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "worker_id" BIGINT NOT NULL,
    "state" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "state_since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "generation" INTEGER NOT NULL DEFAULT 0,
    "instance_id" BIGINT,
    "missing_at" TIMESTAMPTZ(3),
    "start_answered_at" TIMESTAMPTZ(3),
    "checked_at" TIMESTAMPTZ(3),
    "failure" JSONB,
    "claims" INTEGER NOT NULL DEFAULT 0,
    "is_ending" BOOLEAN NOT NULL DEFAULT false,
    "owner_id" BIGINT,
    "owner_epoch" INTEGER NOT NULL DEFAULT 0,
    "look_again" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "latent_worker_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "latent_worker_worker_id_key" ON "latent_worker"("worker_id");
CREATE INDEX "latent_worker_owned" ON "latent_worker" ("owner_id") WHERE "owner_id" IS NOT NULL;
ALTER TABLE "latent_worker" ADD CONSTRAINT "latent_worker_worker_id_fkey" FOREIGN KEY ("worker_id") REFERENCES "worker"("id") ON DELETE CASCADE ON UPDATE CASCADE;
ALTER TABLE "latent_worker" ADD CONSTRAINT "latent_worker_state" CHECK ("state" IN
  ('insubstantiated', 'substantiating', 'starting', 'substantiated', 'insubstantiating', 'resubstantiating', 'shut-down'));

-- What a machine was made with, and what became of stopping it.
ALTER TABLE "instance" ADD COLUMN "generation" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "instance" ADD COLUMN "config" JSONB NOT NULL DEFAULT '{}';
ALTER TABLE "instance" ADD COLUMN "stop_tries" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "instance" ADD COLUMN "last_error" TEXT;

GRANT SELECT, INSERT, UPDATE, DELETE ON "latent_worker" TO "slipway_web";
GRANT USAGE ON SEQUENCE "latent_worker_id_seq" TO "slipway_web";
ALTER TABLE "latent_worker" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own_organization" ON "latent_worker" FOR ALL TO "slipway_web"
  USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
  WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint);
