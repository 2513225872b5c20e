import { z } from "zod";
import { revokeSessionsOf } from "../../auth/session";
import { router, signedIn } from "../trpc";
import { listSessions } from "./list";

export const sessionsRouter = router({
  list: signedIn.query(({ ctx }) => listSessions(ctx.runtime.db, ctx.user)),
  revoke: signedIn.input(z.object({ sessionId: z.uuid() })).mutation(({ ctx, input }) =>
    ctx.runtime.db.within({ userId: ctx.user.userId }, async (tx) => {
      await tx.rows(
        `update user_session set revoked_at = now()
         where id = $1 and user_id = $2 and revoked_at is null`,
        [input.sessionId, ctx.user.userId],
      );
    }),
  ),
  revokeOthers: signedIn.mutation(({ ctx }) =>
    ctx.runtime.db.within({ userId: ctx.user.userId }, (tx) =>
      revokeSessionsOf(tx, ctx.user.userId, ctx.user.sessionId),
    ),
  ),
});
