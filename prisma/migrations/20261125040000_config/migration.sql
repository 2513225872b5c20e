-- The text of a document as its author wrote it, and what a version changed.
ALTER TABLE "config_version" ADD COLUMN "source" TEXT;
ALTER TABLE "config_version" ADD COLUMN "summary" TEXT;
ALTER TABLE "config_version" ADD COLUMN "comment" TEXT NOT NULL DEFAULT '';
-- The project was removed from the configuration.
ALTER TABLE "config_version" ADD COLUMN "is_removal" BOOLEAN NOT NULL DEFAULT false;

-- The secret that holds a worker's password. Null: the sealed one beside it, which nobody wrote.
ALTER TABLE "worker" ADD COLUMN "password_secret" TEXT;
