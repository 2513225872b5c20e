-- The whole model. The first part is what Prisma makes of schema.prisma, with PARTITION BY added.

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

CREATE TABLE "organization" (
    "id" BIGSERIAL NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "is_public" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organization_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "user_account" (
    "id" BIGSERIAL NOT NULL,
    "email" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "password_hash" TEXT,
    "is_admin" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "disabled_at" TIMESTAMPTZ(3),

    CONSTRAINT "user_account_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "membership" (
    "org_id" BIGINT NOT NULL,
    "user_id" BIGINT NOT NULL,
    "role" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "membership_pkey" PRIMARY KEY ("org_id","user_id")
);

CREATE TABLE "user_session" (
    "id" UUID NOT NULL,
    "user_id" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "address" TEXT,
    "user_agent" TEXT,

    CONSTRAINT "user_session_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "invitation" (
    "id" BIGSERIAL NOT NULL,
    "kind" TEXT NOT NULL,
    "org_id" BIGINT,
    "email" TEXT,
    "role" TEXT,
    "token_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "invitation_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "api_token" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "token_hash" BYTEA NOT NULL,
    "scopes" TEXT[],
    "created_by" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_token_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "audit_entry" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "org_id" BIGINT,
    "actor" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "detail" JSONB NOT NULL DEFAULT '{}',

    CONSTRAINT "audit_entry_pkey" PRIMARY KEY ("id","at")
) PARTITION BY RANGE ("at");

CREATE TABLE "config_version" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "project_id" BIGINT,
    "number" INTEGER NOT NULL,
    "document" JSONB NOT NULL,
    "author" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "config_version_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "project" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "project_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "builder" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "project_id" BIGINT,
    "name" TEXT NOT NULL,
    "description" TEXT NOT NULL DEFAULT '',
    "tags" TEXT[],
    "builddir" TEXT NOT NULL,
    "current_config_id" BIGINT,
    "next_build_number" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "builder_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "builder_config" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "builder_id" BIGINT NOT NULL,
    "hash" BYTEA NOT NULL,
    "config" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "builder_config_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "builder_worker" (
    "org_id" BIGINT NOT NULL,
    "builder_id" BIGINT NOT NULL,
    "worker_id" BIGINT NOT NULL,

    CONSTRAINT "builder_worker_pkey" PRIMARY KEY ("builder_id","worker_id")
);

CREATE TABLE "secret" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "name" TEXT NOT NULL,
    "sealed" BYTEA NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_by" TEXT NOT NULL,

    CONSTRAINT "secret_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "scheduler" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "project_id" BIGINT,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "config" JSONB NOT NULL,
    "is_enabled" BOOLEAN NOT NULL DEFAULT true,
    "cursor" JSONB NOT NULL DEFAULT '{}',
    "fire_at" TIMESTAMPTZ(3),
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "scheduler_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "change_source" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "project_id" BIGINT,
    "name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "config" JSONB NOT NULL,
    "cursor" JSONB NOT NULL DEFAULT '{}',
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "change_source_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "process" (
    "id" BIGSERIAL NOT NULL,
    "kind" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lease_expires_at" TIMESTAMPTZ(3) NOT NULL,
    "gone_at" TIMESTAMPTZ(3),
    "gone_reason" TEXT,

    CONSTRAINT "process_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "worker" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "name" TEXT NOT NULL,
    "login_name" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "config" JSONB NOT NULL,
    "sealed_password" BYTEA,
    "max_builds" INTEGER,
    "session_id" BIGINT,
    "facts" JSONB,
    "last_seen_at" TIMESTAMPTZ(3),
    "paused_at" TIMESTAMPTZ(3),
    "paused_by" TEXT,
    "pause_reason" TEXT,
    "is_draining" BOOLEAN NOT NULL DEFAULT false,
    "quarantined_until" TIMESTAMPTZ(3),
    "quarantine_seconds" INTEGER NOT NULL DEFAULT 0,
    "quarantine_reason" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "removed_at" TIMESTAMPTZ(3),

    CONSTRAINT "worker_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "worker_session" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "worker_id" BIGINT NOT NULL,
    "process_id" BIGINT NOT NULL,
    "protocol" TEXT NOT NULL,
    "peer" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    "end_reason" TEXT,
    "end_requested" TEXT,

    CONSTRAINT "worker_session_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "door_event" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "org_id" BIGINT,
    "worker_id" BIGINT,
    "login_name" TEXT,
    "peer" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "detail" TEXT NOT NULL,

    CONSTRAINT "door_event_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "instance" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "worker_id" BIGINT NOT NULL,
    "driver" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "handle" JSONB,
    "state" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "config_hash" BYTEA,
    "owner_id" BIGINT,
    "owner_epoch" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "gone_at" TIMESTAMPTZ(3),

    CONSTRAINT "instance_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "change" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "project_id" BIGINT,
    "author" TEXT NOT NULL,
    "committer" TEXT,
    "comments" TEXT NOT NULL,
    "files" TEXT[],
    "revision" TEXT,
    "branch" TEXT,
    "repository" TEXT NOT NULL,
    "project" TEXT NOT NULL,
    "codebase" TEXT NOT NULL,
    "category" TEXT,
    "revlink" TEXT,
    "properties" JSONB NOT NULL DEFAULT '{}',
    "when_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "change_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "source_stamp" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "hash" BYTEA NOT NULL,
    "codebase" TEXT NOT NULL,
    "repository" TEXT NOT NULL,
    "branch" TEXT,
    "revision" TEXT,
    "project" TEXT NOT NULL,
    "patch" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "source_stamp_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "buildset" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "reason" TEXT NOT NULL,
    "external_id" TEXT,
    "idempotency_key" TEXT,
    "owner" TEXT,
    "scheduler" TEXT NOT NULL,
    "properties" JSONB NOT NULL,
    "parent_build_id" BIGINT,
    "parent_relationship" TEXT,
    "rebuilt_build_id" BIGINT,
    "submitted_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "open_requests" INTEGER NOT NULL,
    "worst_result" SMALLINT NOT NULL DEFAULT 0,
    "complete_at" TIMESTAMPTZ(3),
    "result" SMALLINT,

    CONSTRAINT "buildset_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "buildset_source_stamp" (
    "org_id" BIGINT NOT NULL,
    "buildset_id" BIGINT NOT NULL,
    "source_stamp_id" BIGINT NOT NULL,

    CONSTRAINT "buildset_source_stamp_pkey" PRIMARY KEY ("buildset_id","source_stamp_id")
);

CREATE TABLE "build_request" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "buildset_id" BIGINT NOT NULL,
    "builder_id" BIGINT NOT NULL,
    "state" TEXT NOT NULL,
    "priority" INTEGER NOT NULL DEFAULT 0,
    "is_waited_for" BOOLEAN NOT NULL DEFAULT false,
    "submitted_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "claimed_at" TIMESTAMPTZ(3),
    "complete_at" TIMESTAMPTZ(3),
    "result" SMALLINT,

    CONSTRAINT "build_request_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "build" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "builder_id" BIGINT NOT NULL,
    "number" INTEGER NOT NULL,
    "build_request_id" BIGINT NOT NULL,
    "worker_id" BIGINT NOT NULL,
    "worker_slot" INTEGER NOT NULL,
    "session_id" BIGINT,
    "builder_config_id" BIGINT NOT NULL,
    "owner_id" BIGINT NOT NULL,
    "owner_epoch" INTEGER NOT NULL DEFAULT 1,
    "state" TEXT NOT NULL,
    "result" SMALLINT,
    "state_string" TEXT NOT NULL,
    "properties" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "complete_at" TIMESTAMPTZ(3),
    "stop_requested_at" TIMESTAMPTZ(3),
    "stop_requested_by" TEXT,
    "stop_reason" TEXT,
    "stop_result" SMALLINT,

    CONSTRAINT "build_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "step" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "build_id" BIGINT NOT NULL,
    "number" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "result" SMALLINT,
    "state_string" TEXT NOT NULL,
    "is_hidden" BOOLEAN NOT NULL DEFAULT false,
    "urls" JSONB NOT NULL DEFAULT '[]',
    "command_ends" JSONB NOT NULL DEFAULT '[]',
    "started_at" TIMESTAMPTZ(3),
    "complete_at" TIMESTAMPTZ(3),

    CONSTRAINT "step_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "log" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "build_id" BIGINT NOT NULL,
    "step_id" BIGINT NOT NULL,
    "name" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "line_count" INTEGER NOT NULL DEFAULT 0,
    "byte_count" BIGINT NOT NULL DEFAULT 0,
    "cut_lines" INTEGER NOT NULL DEFAULT 0,
    "cut_at_line" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "log_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "log_chunk" (
    "log_id" BIGINT NOT NULL,
    "first_line" INTEGER NOT NULL,
    "log_created_at" TIMESTAMPTZ(3) NOT NULL,
    "org_id" BIGINT NOT NULL,
    "line_count" INTEGER NOT NULL,
    "byte_count" INTEGER NOT NULL,
    "method" SMALLINT NOT NULL,
    "data" BYTEA NOT NULL,

    CONSTRAINT "log_chunk_pkey" PRIMARY KEY ("log_id","first_line","log_created_at")
) PARTITION BY RANGE ("log_created_at");

CREATE TABLE "transition" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "org_id" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "subject_id" BIGINT NOT NULL,
    "from_state" TEXT,
    "to_state" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "actor" TEXT NOT NULL,

    CONSTRAINT "transition_pkey" PRIMARY KEY ("id","at")
) PARTITION BY RANGE ("at");

CREATE TABLE "outbox" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "org_id" BIGINT NOT NULL,
    "topic" TEXT NOT NULL,
    "body" JSONB NOT NULL,
    "xid" xid8 NOT NULL DEFAULT pg_current_xact_id(),

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id","at")
) PARTITION BY RANGE ("at");

CREATE TABLE "deadline" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "kind" TEXT NOT NULL,
    "subject_id" BIGINT NOT NULL,
    "fire_at" TIMESTAMPTZ(3) NOT NULL,
    "reason" TEXT NOT NULL,

    CONSTRAINT "deadline_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "organization_slug_key" ON "organization"("slug");

CREATE UNIQUE INDEX "user_account_email_key" ON "user_account"("email");

CREATE INDEX "membership_user_id_idx" ON "membership"("user_id");

CREATE INDEX "user_session_user_id_idx" ON "user_session"("user_id");

CREATE UNIQUE INDEX "invitation_token_hash_key" ON "invitation"("token_hash");

CREATE UNIQUE INDEX "api_token_token_hash_key" ON "api_token"("token_hash");

CREATE INDEX "api_token_org_id_idx" ON "api_token"("org_id");

CREATE INDEX "audit_entry_org_id_id_idx" ON "audit_entry"("org_id", "id");

CREATE INDEX "config_version_org_id_project_id_number_idx" ON "config_version"("org_id", "project_id", "number");

CREATE UNIQUE INDEX "project_org_id_name_key" ON "project"("org_id", "name");

CREATE INDEX "builder_project_id_idx" ON "builder"("project_id");

CREATE UNIQUE INDEX "builder_org_id_name_key" ON "builder"("org_id", "name");

CREATE UNIQUE INDEX "builder_config_builder_id_hash_key" ON "builder_config"("builder_id", "hash");

CREATE INDEX "builder_worker_worker_id_idx" ON "builder_worker"("worker_id");

CREATE UNIQUE INDEX "secret_org_id_name_key" ON "secret"("org_id", "name");

CREATE UNIQUE INDEX "scheduler_org_id_name_key" ON "scheduler"("org_id", "name");

CREATE UNIQUE INDEX "change_source_org_id_name_key" ON "change_source"("org_id", "name");

CREATE INDEX "process_lease_expires_at_idx" ON "process"("lease_expires_at");

CREATE UNIQUE INDEX "worker_login_name_key" ON "worker"("login_name");

CREATE INDEX "worker_session_id_idx" ON "worker"("session_id");

CREATE UNIQUE INDEX "worker_org_id_name_key" ON "worker"("org_id", "name");

CREATE INDEX "worker_session_worker_id_id_idx" ON "worker_session"("worker_id", "id");

CREATE INDEX "worker_session_process_id_idx" ON "worker_session"("process_id");

CREATE INDEX "door_event_org_id_id_idx" ON "door_event"("org_id", "id");

CREATE INDEX "door_event_worker_id_id_idx" ON "door_event"("worker_id", "id");

CREATE UNIQUE INDEX "instance_key_key" ON "instance"("key");

CREATE INDEX "instance_worker_id_id_idx" ON "instance"("worker_id", "id");

CREATE INDEX "change_org_id_id_idx" ON "change"("org_id", "id");

CREATE UNIQUE INDEX "source_stamp_org_id_hash_key" ON "source_stamp"("org_id", "hash");

CREATE INDEX "buildset_org_id_id_idx" ON "buildset"("org_id", "id");

CREATE UNIQUE INDEX "buildset_org_id_idempotency_key_key" ON "buildset"("org_id", "idempotency_key");

CREATE INDEX "build_request_buildset_id_idx" ON "build_request"("buildset_id");

CREATE INDEX "build_request_builder_id_id_idx" ON "build_request"("builder_id", "id");

CREATE INDEX "build_request_org_id_id_idx" ON "build_request"("org_id", "id");

CREATE INDEX "build_build_request_id_idx" ON "build"("build_request_id");

CREATE INDEX "build_worker_id_id_idx" ON "build"("worker_id", "id");

CREATE INDEX "build_org_id_id_idx" ON "build"("org_id", "id");

CREATE UNIQUE INDEX "build_builder_id_number_key" ON "build"("builder_id", "number");

CREATE UNIQUE INDEX "step_build_id_number_key" ON "step"("build_id", "number");

CREATE UNIQUE INDEX "step_build_id_name_key" ON "step"("build_id", "name");

CREATE INDEX "log_build_id_idx" ON "log"("build_id");

CREATE UNIQUE INDEX "log_step_id_slug_key" ON "log"("step_id", "slug");

CREATE INDEX "transition_kind_subject_id_id_idx" ON "transition"("kind", "subject_id", "id");

CREATE INDEX "outbox_xid_id_idx" ON "outbox"("xid", "id");

CREATE INDEX "deadline_fire_at_idx" ON "deadline"("fire_at");

CREATE UNIQUE INDEX "deadline_kind_subject_id_key" ON "deadline"("kind", "subject_id");

ALTER TABLE "membership" ADD CONSTRAINT "membership_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "membership" ADD CONSTRAINT "membership_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "user_session" ADD CONSTRAINT "user_session_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "project" ADD CONSTRAINT "project_org_id_fkey" FOREIGN KEY ("org_id") REFERENCES "organization"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "builder" ADD CONSTRAINT "builder_project_id_fkey" FOREIGN KEY ("project_id") REFERENCES "project"("id") ON DELETE SET NULL ON UPDATE CASCADE;

ALTER TABLE "builder_worker" ADD CONSTRAINT "builder_worker_builder_id_fkey" FOREIGN KEY ("builder_id") REFERENCES "builder"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "builder_worker" ADD CONSTRAINT "builder_worker_worker_id_fkey" FOREIGN KEY ("worker_id") REFERENCES "worker"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "worker_session" ADD CONSTRAINT "worker_session_worker_id_fkey" FOREIGN KEY ("worker_id") REFERENCES "worker"("id") ON DELETE CASCADE ON UPDATE CASCADE;

ALTER TABLE "build_request" ADD CONSTRAINT "build_request_buildset_id_fkey" FOREIGN KEY ("buildset_id") REFERENCES "buildset"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "build" ADD CONSTRAINT "build_build_request_id_fkey" FOREIGN KEY ("build_request_id") REFERENCES "build_request"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "step" ADD CONSTRAINT "step_build_id_fkey" FOREIGN KEY ("build_id") REFERENCES "build"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

ALTER TABLE "log" ADD CONSTRAINT "log_step_id_fkey" FOREIGN KEY ("step_id") REFERENCES "step"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- ------------------------------------------------------------------------------------------------
-- What Prisma cannot say.

-- State words. A new word is a migration that widens the check first.
ALTER TABLE "build_request" ADD CONSTRAINT "build_request_state" CHECK ("state" IN ('pending', 'claimed', 'done', 'cancelled'));
ALTER TABLE "build" ADD CONSTRAINT "build_state" CHECK ("state" IN ('preparing', 'running', 'finishing', 'finished'));
ALTER TABLE "step" ADD CONSTRAINT "step_state" CHECK ("state" IN ('pending', 'running', 'finished', 'skipped'));
ALTER TABLE "log" ADD CONSTRAINT "log_state" CHECK ("state" IN ('open', 'finished', 'archived', 'expired'));
ALTER TABLE "instance" ADD CONSTRAINT "instance_state" CHECK ("state" IN ('requested', 'starting', 'running', 'stopping', 'gone', 'broken'));

-- The queue of a builder, in the order it is served: found without reading what is done.
CREATE INDEX "build_request_pending" ON "build_request" ("org_id", "builder_id", "priority" DESC, "id") WHERE "state" = 'pending';

-- At most one unfinished build of a request, of a builder on a worker (W-060), of a worker's place.
CREATE UNIQUE INDEX "build_one_per_request" ON "build" ("build_request_id") WHERE "state" <> 'finished';
CREATE UNIQUE INDEX "build_one_per_pair" ON "build" ("worker_id", "builder_id") WHERE "state" <> 'finished';
CREATE UNIQUE INDEX "build_one_per_slot" ON "build" ("worker_id", "worker_slot") WHERE "state" <> 'finished';
CREATE INDEX "build_unfinished_by_owner" ON "build" ("owner_id") WHERE "state" <> 'finished';
CREATE INDEX "build_unfinished_by_org" ON "build" ("org_id", "id") WHERE "state" <> 'finished';
CREATE INDEX "instance_unfinished" ON "instance" ("worker_id") WHERE "state" NOT IN ('gone', 'broken');

CREATE UNIQUE INDEX "worker_session_live" ON "worker_session" ("worker_id") WHERE "ended_at" IS NULL;
CREATE INDEX "process_alive" ON "process" ("lease_expires_at") WHERE "gone_at" IS NULL;
CREATE UNIQUE INDEX "config_version_number" ON "config_version" ("org_id", coalesce("project_id", 0), "number");

-- Raised inside a statement of transitions() when a row was not in the state it was thought to be
-- in: the whole statement, so the whole transaction, changes nothing.
CREATE FUNCTION "assert_changed"("wanted" bigint, "got" bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF wanted <> got THEN
    RAISE EXCEPTION 'stale: % of % rows were in the expected state', got, wanted USING ERRCODE = 'SW001';
  END IF;
  RETURN true;
END $$;

-- The worse of two results, in Buildbot's order (CORE §6; server/domain/builds/result.ts).
CREATE FUNCTION "worse_result"("a" smallint, "b" smallint) RETURNS smallint LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN array_position(ARRAY[6, 5, 4, 2, 1, 0, 3]::smallint[], a)
                <= array_position(ARRAY[6, 5, 4, 2, 1, 0, 3]::smallint[], b) THEN a ELSE b END
$$;

-- Partitions from last period to `ahead` periods from now. Idempotent; run at every start and daily.
-- Each table keeps a default partition, so that a missing one costs tidiness and never a commit.
CREATE FUNCTION "ensure_partitions"("at" timestamptz, "ahead" int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  made int := 0;
  item record;
  part text;
BEGIN
  FOR item IN
    SELECT t.name, t.step, date_trunc(t.step, at AT TIME ZONE 'UTC') + (n * ('1 ' || t.step)::interval) AS low
    FROM (VALUES ('log_chunk', 'month'), ('transition', 'month'), ('audit_entry', 'month'), ('outbox', 'day')) AS t (name, step),
         generate_series(-1, ahead) AS n
  LOOP
    part := item.name || '_' || to_char(item.low, CASE item.step WHEN 'day' THEN 'YYYYMMDD' ELSE 'YYYYMM' END);
    IF to_regclass(quote_ident(part)) IS NULL THEN
      BEGIN
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', part, item.name,
          item.low AT TIME ZONE 'UTC', (item.low + ('1 ' || item.step)::interval) AT TIME ZONE 'UTC');
        IF item.name = 'log_chunk' THEN
          -- Chunks are compressed before they arrive: do not try again.
          EXECUTE format('ALTER TABLE %I ALTER COLUMN data SET STORAGE EXTERNAL', part);
        END IF;
        made := made + 1;
      EXCEPTION WHEN check_violation THEN
        -- The default partition already holds rows of this period; they stay readable where they are.
        RAISE WARNING 'partition % cannot be made: rows of its period are in the default partition', part;
      END;
    END IF;
  END LOOP;
  RETURN made;
END $$;

CREATE TABLE "log_chunk_default" PARTITION OF "log_chunk" DEFAULT;
CREATE TABLE "transition_default" PARTITION OF "transition" DEFAULT;
CREATE TABLE "audit_entry_default" PARTITION OF "audit_entry" DEFAULT;
CREATE TABLE "outbox_default" PARTITION OF "outbox" DEFAULT;
SELECT "ensure_partitions"(now(), 3);

ALTER TABLE "log_chunk_default" ALTER COLUMN "data" SET STORAGE EXTERNAL;

-- ------------------------------------------------------------------------------------------------
-- Two roles (HOUSE, Ownership 10). What serves people runs as slipway_web, which sees one
-- organisation: the one set for the transaction. The engine owns the tables.

DO $$ BEGIN
  CREATE ROLE "slipway_web" NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT "slipway_web" TO CURRENT_USER;
GRANT USAGE ON SCHEMA "public" TO "slipway_web";
GRANT SELECT, INSERT, UPDATE, DELETE ON
  "organization", "user_account", "membership", "user_session", "invitation", "api_token", "audit_entry",
  "config_version", "project", "builder", "builder_config", "builder_worker", "secret", "scheduler", "change_source",
  "worker", "worker_session", "door_event", "instance", "change", "source_stamp", "buildset", "buildset_source_stamp",
  "build_request", "build", "step", "log", "log_chunk", "transition", "outbox", "deadline" TO "slipway_web";
GRANT SELECT ON "process" TO "slipway_web";
GRANT USAGE ON ALL SEQUENCES IN SCHEMA "public" TO "slipway_web";

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['api_token', 'audit_entry', 'config_version', 'project', 'builder', 'builder_config',
    'builder_worker', 'secret', 'scheduler', 'change_source', 'worker', 'worker_session', 'door_event', 'instance',
    'change', 'source_stamp', 'buildset', 'buildset_source_stamp', 'build_request', 'build', 'step', 'log', 'log_chunk',
    'transition', 'outbox', 'deadline']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format($p$CREATE POLICY "own_organization" ON %I FOR ALL TO "slipway_web"
      USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
      WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)$p$, name);
  END LOOP;
END $$;

-- A person sees their own memberships everywhere, and everybody's in the organisation at hand.
ALTER TABLE "membership" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own_organization" ON "membership" FOR ALL TO "slipway_web"
  USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
  WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint);
CREATE POLICY "own_memberships" ON "membership" FOR SELECT TO "slipway_web"
  USING ("user_id" = nullif(current_setting('slipway.user_id', true), '')::bigint);
