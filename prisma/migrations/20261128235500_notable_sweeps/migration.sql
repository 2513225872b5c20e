-- What a sweep found, and that a provider answers no more or again: read without the thousands in between.
ALTER TABLE "sweep_report" ADD COLUMN "is_notable" BOOLEAN NOT NULL DEFAULT false;

UPDATE "sweep_report" SET "is_notable" = true WHERE "error" IS NOT NULL OR "orphans" > 0 OR "missing" > 0;

CREATE INDEX "sweep_report_notable" ON "sweep_report" ("org_id", "id") WHERE "is_notable";

