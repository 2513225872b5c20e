-- How long a machine is kept when the configuration does not say: its driver's word, as of the activation.
ALTER TABLE "latent_worker" ADD COLUMN "build_wait_seconds" DOUBLE PRECISION NOT NULL DEFAULT 0;

-- Of a latent worker's connection, which of its machines it is from, as the password showed that was checked.
ALTER TABLE "worker_session" ADD COLUMN "generation" INTEGER;

-- A worker that is static now keeps its row, and the machine that it had is let go.
ALTER TABLE "latent_worker" ADD COLUMN "is_latent" BOOLEAN NOT NULL DEFAULT true;
