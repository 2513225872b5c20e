/** NextAuth's own paths: csrf, callback/credentials, session, signout. */
import NextAuth from "next-auth";
import { webRuntime } from "../../../../server/api/runtime";
import { authOptions, authSettings, createSignIn, type SignIn } from "../../../../server/auth";

/** One per process: it counts failed tries. */
const kept = globalThis as { slipwaySignIn?: SignIn };

async function handle(request: Request, context: unknown): Promise<Response> {
  const runtime = webRuntime();
  kept.slipwaySignIn ??= createSignIn(runtime.db);
  const settings = authSettings(runtime);
  const options = authOptions(settings, runtime.db, kept.slipwaySignIn, request.headers);
  const response: Response = await NextAuth(request as never, context as never, options);
  return onThisHost(response, settings.publicUrl);
}

/** NextAuth redirects to the public URL; a person who opened another name of this host stays there. */
function onThisHost(response: Response, publicUrl: string): Response {
  const location = response.headers.get("location");
  const origin = new URL(publicUrl).origin;
  if (location?.startsWith(`${origin}/`)) {
    response.headers.set("location", location.slice(origin.length));
  }
  return response;
}

export { handle as GET, handle as POST };
