import type { NextConfig } from "next";

/** The `web` process serves this build through its own HTTP server (server/processes/web.ts). */
const config: NextConfig = {
  poweredByHeader: false,
  reactStrictMode: true,
  // Loaded from node_modules at run time: they read files beside themselves or open native sockets.
  serverExternalPackages: ["@prisma/adapter-pg", "@prisma/client", "bullmq", "pg", "redis"],
  // `npm run check` does this once, for all folders, with the same compiler.
  typescript: { ignoreBuildErrors: true },
};

export default config;
