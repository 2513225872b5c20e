-- What the organisation lets people say where they start builds, read with the organisation itself;
-- and whether a builder gives a request to the worker that it names.
ALTER TABLE "organization" ADD COLUMN "validation" JSONB NOT NULL DEFAULT '{}';
ALTER TABLE "builder" ADD COLUMN "can_start_build" TEXT
  CONSTRAINT "builder_can_start_build_check" CHECK ("can_start_build" IN ('enforceChosenWorker'));
