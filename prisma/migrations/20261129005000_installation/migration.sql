-- What this installation is called at providers; one row. A restored copy has made it already.
CREATE TABLE IF NOT EXISTS "installation" (
  "id" INTEGER NOT NULL DEFAULT 1 CHECK ("id" = 1),
  "tag" TEXT NOT NULL,
  "made_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT "installation_pkey" PRIMARY KEY ("id")
);
