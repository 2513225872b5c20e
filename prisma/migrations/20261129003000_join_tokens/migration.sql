-- A token of a pool, which lets so many machines join it.
ALTER TABLE "api_token" ADD COLUMN "pool_id" BIGINT;
ALTER TABLE "api_token" ADD COLUMN "max_uses" INTEGER;
ALTER TABLE "api_token" ADD COLUMN "uses" INTEGER NOT NULL DEFAULT 0;
ALTER TABLE "api_token" ADD CONSTRAINT "api_token_pool_id_fkey" FOREIGN KEY ("pool_id") REFERENCES "pool"("id") ON DELETE CASCADE ON UPDATE CASCADE;
CREATE INDEX "api_token_pool_id_id_idx" ON "api_token"("pool_id", "id");

-- The token by which the machine that has a place of a pool joined last.
ALTER TABLE "worker" ADD COLUMN "joined_token_id" BIGINT;
