-- The worker process that keeps what a running build has begun, through a lost connection.
ALTER TABLE "build" ADD COLUMN "keeper" TEXT;
