/** REST in Buildbot's shapes; all of it is in server/rest. */
import { webRuntime } from "../../../../../server/api/runtime";
import { pathSegments, restOf } from "../../../../../server/rest";

interface Context {
  readonly params: Promise<{ readonly org: string; readonly path: string[] }>;
}

export async function GET(request: Request, context: Context): Promise<Response> {
  const { org, path } = await context.params;
  return restOf(webRuntime()).get(request, org, pathSegments(path));
}

export async function POST(request: Request, context: Context): Promise<Response> {
  const { org, path } = await context.params;
  return restOf(webRuntime()).post(request, org, pathSegments(path));
}
