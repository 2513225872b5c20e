/** REST in Buildbot's shapes; all of it is in server/rest. */
import { webRuntime } from "../../../../../server/api/runtime";
import { createRest, type Rest } from "../../../../../server/rest";

interface Context {
  readonly params: Promise<{ readonly org: string; readonly path: string[] }>;
}

/** One per process: it remembers organisations and builders. */
const kept = globalThis as { slipwayRest?: Rest };

function rest(): Rest {
  if (!kept.slipwayRest) {
    const runtime = webRuntime();
    kept.slipwayRest = createRest({
      ...runtime,
      onFault: (error) => runtime.log("rest", { error }),
      now: Date.now,
    });
  }
  return kept.slipwayRest;
}

async function where(context: Context): Promise<[org: string, path: string[]]> {
  const { org, path } = await context.params;
  return [decode(org), path.map(decode)];
}

/** Next hands segments on as they were sent. What does not decode names nothing. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return "\0";
  }
}

export async function GET(request: Request, context: Context): Promise<Response> {
  return rest().get(request, ...(await where(context)));
}

export async function POST(request: Request, context: Context): Promise<Response> {
  return rest().post(request, ...(await where(context)));
}
