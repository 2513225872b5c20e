import { allowed, router } from "../trpc";
import { beginInput, beginProject } from "./begin";
import { welcomeStatus } from "./status";

export const welcomeRouter = router({
  status: allowed("config").query(({ ctx }) => welcomeStatus(ctx, ctx.org)),
  begin: allowed("config")
    .input(beginInput)
    .mutation(({ ctx, input }) => beginProject(ctx, ctx.org, input)),
});
