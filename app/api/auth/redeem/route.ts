/** Uses a set-up link or an invitation up: POST {token, email, name, password} as JSON. */
import { z } from "zod";
import { webRuntime } from "../../../../server/api/runtime";
import { isSameOrigin, redeemInvitation } from "../../../../server/auth";
import { AppError } from "../../../../server/domain/errors";

const body = z.object({
  token: z.string().min(1).max(100),
  email: z.string().max(254),
  name: z.string().max(100),
  password: z.string().max(1000),
});

export async function POST(request: Request): Promise<Response> {
  const { db, env } = webRuntime();
  if (!isSameOrigin(request.headers, env.web.publicUrl)) {
    return Response.json({ error: "the request must come from our own page" }, { status: 403 });
  }
  const parsed = body.safeParse(await request.json().catch(() => null));
  if (!parsed.success) {
    return Response.json({ error: "token, email, name and password are needed" }, { status: 400 });
  }
  const { token, ...person } = parsed.data;
  try {
    const { slug } = await db.within({}, (tx) => redeemInvitation(tx, token, person));
    return Response.json({ slug });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return Response.json({ error: error.message }, { status: error.entry.status });
  }
}
