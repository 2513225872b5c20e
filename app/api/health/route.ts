/** For load balancers and for people who wonder: 200 when all is there, 503 naming what is missing. */
import { type Health, healthCheck } from "../../../server/api/health";
import { webRuntime } from "../../../server/api/runtime";

export const dynamic = "force-dynamic";

const kept = globalThis as { slipwayHealth?: () => Promise<Health> };

export async function GET(): Promise<Response> {
  kept.slipwayHealth ??= healthCheck(webRuntime());
  const health = await kept.slipwayHealth();
  return Response.json(health, {
    status: health.status === "ok" ? 200 : 503,
    headers: { "cache-control": "no-store" },
  });
}
