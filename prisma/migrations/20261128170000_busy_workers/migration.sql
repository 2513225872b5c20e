-- What a worker did lately, by when its builds ended: the strip of its last 24 hours.
CREATE INDEX "build_worker_id_complete_at_idx" ON "build"("worker_id", "complete_at");
