/** The pages' API: tRPC over HTTP. Programs use REST (app/[org]/api). */
import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { appRouter } from "@/server/api/router";
import { webRuntime } from "@/server/api/runtime";
import { isSameOrigin, userOf } from "@/server/auth";

async function handle(request: Request): Promise<Response> {
  const runtime = webRuntime();
  if (request.method === "POST" && !isSameOrigin(request.headers, runtime.env.web.publicUrl)) {
    return Response.json({ error: "the request must come from our own page" }, { status: 403 });
  }
  return fetchRequestHandler({
    endpoint: "/api/trpc",
    req: request,
    router: appRouter,
    createContext: async () => ({ runtime, user: await userOf(runtime, request.headers) }),
    responseMeta: () => ({ headers: new Headers({ "cache-control": "no-store" }) }),
  });
}

export { handle as GET, handle as POST };
