/** For Prometheus and for scalers: figures of the organisation that `org` names, with a token that may read it. */
import { webRuntime } from "../../../server/api/runtime";
import { restOf } from "../../../server/rest";

export const dynamic = "force-dynamic";

export async function GET(request: Request): Promise<Response> {
  const org = new URL(request.url).searchParams.get("org");
  if (!org) return new Response("say whose: /api/metrics?org=NAME\n", { status: 400 });
  return restOf(webRuntime()).get(request, org, ["metrics"]);
}
