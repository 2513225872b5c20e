-- When its doors were open: only from then on can a worker be expected to connect.
ALTER TABLE "process" ADD COLUMN "ready_at" TIMESTAMPTZ(3);

-- A static worker that is not connected and should be. Gone when it comes back in time.
CREATE TABLE "worker_loss" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "worker_id" BIGINT NOT NULL,
    "lost_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "noticed_at" TIMESTAMPTZ(3),
    "timeout_seconds" INTEGER,
    "message_id" TEXT,
    "note" TEXT,
    "back_at" TIMESTAMPTZ(3),

    CONSTRAINT "worker_loss_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "worker_loss_worker_id_id_idx" ON "worker_loss"("worker_id", "id");
CREATE UNIQUE INDEX "worker_loss_open" ON "worker_loss" ("worker_id") WHERE "back_at" IS NULL;

-- What is to be said of a loss, and to whom: written before anybody is told.
CREATE TABLE "worker_mail" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "loss_id" BIGINT NOT NULL,
    "recipient" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_try_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "claimed_until" TIMESTAMPTZ(3),
    "last_answer" TEXT,
    "sent_at" TIMESTAMPTZ(3),
    "given_up_at" TIMESTAMPTZ(3),

    CONSTRAINT "worker_mail_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "worker_mail_loss_id_recipient_key" ON "worker_mail"("loss_id", "recipient");

ALTER TABLE "worker_mail" ADD CONSTRAINT "worker_mail_loss_id_fkey" FOREIGN KEY ("loss_id") REFERENCES "worker_loss"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Who tells others: rows of the configuration, as schedulers are.
CREATE TABLE "reporter" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "config" JSONB NOT NULL,
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "reporter_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "reporter_org_id_name_key" ON "reporter"("org_id", "name");

GRANT SELECT, INSERT, UPDATE, DELETE ON "worker_loss", "worker_mail", "reporter" TO "slipway_web";
GRANT USAGE ON SEQUENCE "worker_loss_id_seq", "worker_mail_id_seq", "reporter_id_seq" TO "slipway_web";
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['worker_loss', 'worker_mail', 'reporter']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format($p$CREATE POLICY "own_organization" ON %I FOR ALL TO "slipway_web"
      USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
      WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)$p$, name);
  END LOOP;
END $$;
