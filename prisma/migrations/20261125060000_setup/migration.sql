-- A repository looked at before a project is made of it: asked for by a page, answered by `jobs`.
CREATE TABLE "repository_check" (
    "id" BIGSERIAL NOT NULL,
    "org_id" BIGINT NOT NULL,
    "repourl" TEXT NOT NULL,
    "branch" TEXT,
    "credentials" JSONB NOT NULL DEFAULT '{}',
    "asked_by" TEXT NOT NULL,
    "asked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "answered_at" TIMESTAMPTZ(3),
    "answer" JSONB,

    CONSTRAINT "repository_check_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "repository_check_org_id_id_idx" ON "repository_check"("org_id", "id");

-- What waits for an answer, found without reading what has one.
CREATE INDEX "repository_check_waiting" ON "repository_check" ("id") WHERE "answered_at" IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON "repository_check" TO "slipway_web";
GRANT USAGE ON SEQUENCE "repository_check_id_seq" TO "slipway_web";
ALTER TABLE "repository_check" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "own_organization" ON "repository_check" FOR ALL TO "slipway_web"
  USING ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint)
  WITH CHECK ("org_id" = nullif(current_setting('slipway.org_id', true), '')::bigint);

-- Connections that failed before they said a name we know belong to no organisation. Whoever runs
-- the installation sees them; where there is one organisation only, so do its members.
CREATE POLICY "strangers_at_the_door" ON "door_event" FOR SELECT TO "slipway_web"
  USING ("org_id" IS NULL AND (
    (SELECT count(*) FROM (SELECT FROM "organization" LIMIT 2) "some") = 1
    OR EXISTS (SELECT FROM "user_account" "u" WHERE "u"."is_admin" AND "u"."disabled_at" IS NULL
      AND "u"."id" = nullif(current_setting('slipway.user_id', true), '')::bigint)));
