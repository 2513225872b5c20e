-- The options of a machine's driver as they were written when it was made; beside them stands the hash of what they came to.
ALTER TABLE "instance" ADD COLUMN "written_hash" TEXT;

-- Its next build needs a machine with other options than the present one.
ALTER TABLE "latent_worker" ADD COLUMN "needs_other" BOOLEAN NOT NULL DEFAULT false;
