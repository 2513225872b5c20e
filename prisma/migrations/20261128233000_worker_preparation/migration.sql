-- The step in which a build waits for its machine: there before the others are.
ALTER TABLE "step" ADD COLUMN "is_preparation" BOOLEAN NOT NULL DEFAULT false;
