/** REST in Buildbot's shapes; all of it is in server/rest. */
import { webRuntime } from "../../../../../server/api/runtime";
import { METHODS, pathSegments, restOf } from "../../../../../server/rest";

interface Context {
  readonly params: Promise<{ readonly org: string; readonly path: string[] }>;
}

const answer =
  (method: keyof typeof METHODS) =>
  async (request: Request, context: Context): Promise<Response> => {
    const { org, path } = await context.params;
    return restOf(webRuntime())[METHODS[method]](request, org, pathSegments(path));
  };

export const GET = answer("GET");
export const POST = answer("POST");
export const PUT = answer("PUT");
export const DELETE = answer("DELETE");
