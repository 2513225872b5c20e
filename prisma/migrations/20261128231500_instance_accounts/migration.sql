-- What a machine's life is told by, what it costs, and who wants it stopped.
ALTER TABLE "instance" ADD COLUMN "billing" TEXT NOT NULL DEFAULT 'second';
ALTER TABLE "instance" ADD COLUMN "price_per_hour" DOUBLE PRECISION;
ALTER TABLE "instance" ADD COLUMN "answered_at" TIMESTAMPTZ(3);
ALTER TABLE "instance" ADD COLUMN "connected_at" TIMESTAMPTZ(3);
ALTER TABLE "instance" ADD COLUMN "stopping_at" TIMESTAMPTZ(3);
ALTER TABLE "instance" ADD COLUMN "end_reason" TEXT;
ALTER TABLE "instance" ADD COLUMN "is_failed" BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE "instance" ADD COLUMN "unlisted_at" TIMESTAMPTZ(3);
ALTER TABLE "instance" ADD COLUMN "stop_requested_at" TIMESTAMPTZ(3);
ALTER TABLE "instance" ADD COLUMN "stop_requested_by" TEXT;
ALTER TABLE "instance" ADD COLUMN "stop_reason" TEXT;
ALTER TABLE "instance" ADD COLUMN "place" INTEGER;
ALTER TABLE "instance" ADD COLUMN "account_id" BIGINT;
ALTER TABLE "instance" ADD CONSTRAINT "instance_billing" CHECK ("billing" IN ('second', 'started-hour', 'free'));

CREATE INDEX "instance_org_id_id_idx" ON "instance"("org_id", "id");
CREATE INDEX "instance_org_id_gone_at_idx" ON "instance"("org_id", "gone_at");
CREATE INDEX "instance_org_id_driver_id_idx" ON "instance"("org_id", "driver", "id");
CREATE INDEX "instance_failed" ON "instance" ("org_id", "id") WHERE "is_failed";
CREATE INDEX "instance_live" ON "instance" ("org_id", "id") WHERE "state" <> 'gone';
-- A cap is places, as max_builds is: two orders never get one.
CREATE UNIQUE INDEX "instance_one_per_place" ON "instance" ("org_id", "place") WHERE "state" <> 'gone' AND "place" IS NOT NULL;

ALTER TABLE "build" ADD COLUMN "instance_id" BIGINT;
CREATE INDEX "build_instance" ON "build" ("instance_id", "id") WHERE "instance_id" IS NOT NULL;

-- What an organisation may use of machines; none of it is in its configuration (role: owner).
CREATE TABLE "instance_policy" (
    "org_id" BIGINT NOT NULL,
    "max_instances" INTEGER,
    "max_hours_per_day" DOUBLE PRECISION,
    "max_hours_per_month" DOUBLE PRECISION,
    "max_cost_per_day" DOUBLE PRECISION,
    "max_cost_per_month" DOUBLE PRECISION,
    "currency" TEXT,
    "notify" TEXT[] NOT NULL DEFAULT '{}',
    "is_dry_run" BOOLEAN NOT NULL DEFAULT false,
    "changed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "changed_by" TEXT NOT NULL,

    CONSTRAINT "instance_policy_pkey" PRIMARY KEY ("org_id")
);

-- What machines that are gone have used, by day (UTC); those that live are counted as they are asked for.
CREATE TABLE "instance_usage" (
    "org_id" BIGINT NOT NULL,
    "day" DATE NOT NULL,
    "seconds" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "cost" DOUBLE PRECISION NOT NULL DEFAULT 0,

    CONSTRAINT "instance_usage_pkey" PRIMARY KEY ("org_id", "day")
);

-- An account at a provider: swept by one process at a time, and for as long as it may hold machines.
CREATE TABLE "instance_account" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "driver" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "title" TEXT NOT NULL,
    "config" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "wanted_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "next_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "owner_id" BIGINT,
    "owner_epoch" INTEGER NOT NULL DEFAULT 0,
    "swept_at" TIMESTAMPTZ(3),
    "listed_at" TIMESTAMPTZ(3),
    "listed" JSONB NOT NULL DEFAULT '[]',
    "error" TEXT,
    "error_since" TIMESTAMPTZ(3),
    "alarmed_at" TIMESTAMPTZ(3),

    CONSTRAINT "instance_account_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "instance_account_org_id_driver_fingerprint_key" ON "instance_account"("org_id", "driver", "fingerprint");
CREATE INDEX "instance_account_next_at_idx" ON "instance_account"("next_at");

-- What does not agree between a provider and us, as long as each look finds it so again.
CREATE TABLE "instance_sighting" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "instance_id" BIGINT,
    "handle" JSONB NOT NULL,
    "why" TEXT NOT NULL,
    "first_at" TIMESTAMPTZ(3) NOT NULL,
    "last_at" TIMESTAMPTZ(3) NOT NULL,
    "times" INTEGER NOT NULL DEFAULT 1,
    "stop_asked_at" TIMESTAMPTZ(3),
    "stop_tries" INTEGER NOT NULL DEFAULT 0,
    "last_error" TEXT,
    "stop_requested_by" TEXT,
    "stop_reason" TEXT,

    CONSTRAINT "instance_sighting_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "instance_sighting_kind" CHECK ("kind" IN ('orphan', 'missing'))
);
CREATE UNIQUE INDEX "instance_sighting_account_id_kind_key_key" ON "instance_sighting"("account_id", "kind", "key");
CREATE INDEX "instance_sighting_org_id_idx" ON "instance_sighting"("org_id");
ALTER TABLE "instance_sighting" ADD CONSTRAINT "instance_sighting_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "instance_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

CREATE TABLE "sweep_report" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "duration_ms" INTEGER NOT NULL,
    "is_dry_run" BOOLEAN NOT NULL,
    "seen" INTEGER NOT NULL DEFAULT 0,
    "known" INTEGER NOT NULL DEFAULT 0,
    "orphans" INTEGER NOT NULL DEFAULT 0,
    "stopped" INTEGER NOT NULL DEFAULT 0,
    "missing" INTEGER NOT NULL DEFAULT 0,
    "error" TEXT,
    "details" JSONB NOT NULL DEFAULT '[]',

    CONSTRAINT "sweep_report_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "sweep_report_org_id_id_idx" ON "sweep_report"("org_id", "id");
CREATE INDEX "sweep_report_account_id_id_idx" ON "sweep_report"("account_id", "id");
CREATE INDEX "sweep_report_at_idx" ON "sweep_report" USING BRIN ("at");
ALTER TABLE "sweep_report" ADD CONSTRAINT "sweep_report_account_id_fkey" FOREIGN KEY ("account_id") REFERENCES "instance_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What people are to be told of machines: what comes again before it is told is counted, not told again.
CREATE TABLE "notice" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "subject_id" BIGINT NOT NULL,
    "worker_name" TEXT NOT NULL DEFAULT '',
    "subject" TEXT NOT NULL,
    "body" TEXT NOT NULL,
    "count" INTEGER NOT NULL DEFAULT 1,
    "first_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "closed_at" TIMESTAMPTZ(3),
    "message_id" TEXT,

    CONSTRAINT "notice_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "notice_open" ON "notice" ("org_id", "kind", "subject_id") WHERE "closed_at" IS NULL;
CREATE INDEX "notice_org_id_kind_subject_id_id_idx" ON "notice"("org_id", "kind", "subject_id", "id");

CREATE TABLE "notice_mail" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "notice_id" BIGINT NOT NULL,
    "recipient" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "next_try_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "claimed_until" TIMESTAMPTZ(3),
    "last_answer" TEXT,
    "sent_at" TIMESTAMPTZ(3),
    "given_up_at" TIMESTAMPTZ(3),

    CONSTRAINT "notice_mail_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "notice_mail_notice_id_recipient_key" ON "notice_mail"("notice_id", "recipient");
ALTER TABLE "notice_mail" ADD CONSTRAINT "notice_mail_notice_id_fkey" FOREIGN KEY ("notice_id") REFERENCES "notice"("id") ON DELETE CASCADE ON UPDATE CASCADE;

GRANT SELECT, INSERT, UPDATE, DELETE ON "instance_policy", "instance_usage", "instance_account", "instance_sighting",
  "sweep_report", "notice", "notice_mail" TO "slipway_web";
GRANT USAGE ON SEQUENCE "instance_account_id_seq", "instance_sighting_id_seq", "sweep_report_id_seq", "notice_id_seq",
  "notice_mail_id_seq" TO "slipway_web";
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['instance_policy', 'instance_usage', 'instance_account', 'instance_sighting', 'sweep_report',
    'notice', 'notice_mail']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format($p$CREATE POLICY "own_organization" ON %I FOR ALL TO "slipway_web"
      USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
      WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)$p$, name);
  END LOOP;
END $$;

-- For those who ask after the whole installation: how many machines have refused to go for so long.
CREATE FUNCTION "overdue_stops"(seconds integer) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
  SELECT (SELECT count(*) FROM instance i WHERE i.state <> 'gone' AND i.state = 'stopping' AND i.stop_tries > 0
            AND i.stopping_at <= now() - make_interval(secs => seconds))
       + (SELECT count(*) FROM instance_sighting s WHERE s.kind = 'orphan' AND s.stop_tries > 0
            AND s.stop_asked_at <= now() - make_interval(secs => seconds))
$$;
REVOKE ALL ON FUNCTION "overdue_stops"(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "overdue_stops"(integer) TO "slipway_web";
