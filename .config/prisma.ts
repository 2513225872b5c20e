import { defineConfig } from "prisma/config";

/**
 * For Prisma's command line, which only developers use: `node prisma/engine-shim.mjs` says how. The
 * running program migrates by itself (server/db/migrate.ts).
 */
export default defineConfig({
  schema: "../prisma/schema.prisma",
  migrations: { path: "../prisma/migrations" },
  // `generate` and `validate` need no database but want the line.
  datasource: { url: process.env.DATABASE_URL ?? "postgresql://127.0.0.1:5432/slipway" },
});
