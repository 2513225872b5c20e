import { z } from "zod";
import type { ChangeSourceId, SchedulerId } from "../../domain/ids";
import { allowed, member, router } from "../trpc";
import { listSchedulers } from "./list";

const enableInput = z.object({ schedulerId: z.number().int().positive(), isEnabled: z.boolean() });
const pollInput = z.object({ changeSourceId: z.number().int().positive() });

export const schedulersRouter = router({
  list: member.query(({ ctx }) => listSchedulers(ctx.org)),
  enable: allowed("schedulers")
    .input(enableInput)
    .mutation(({ ctx, input }) =>
      ctx.runtime.commands.enableScheduler(
        ctx.org.caller,
        input.schedulerId as SchedulerId,
        input.isEnabled,
      ),
    ),
  pollNow: allowed("force")
    .input(pollInput)
    .mutation(({ ctx, input }) =>
      ctx.runtime.commands.pollNow(ctx.org.caller, input.changeSourceId as ChangeSourceId),
    ),
});
