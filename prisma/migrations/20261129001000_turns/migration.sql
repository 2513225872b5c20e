-- A machine whose turn at its provider has not come: nobody asked for it yet.
ALTER TABLE "instance" ADD COLUMN "is_unasked" BOOLEAN NOT NULL DEFAULT false;

-- A try to prepare a worker for the build that failed; what was never tried counts for nothing.
ALTER TABLE "build" ADD COLUMN "preparation_failed" BOOLEAN NOT NULL DEFAULT false;
