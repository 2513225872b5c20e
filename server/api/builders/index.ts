import { allowed, member, router } from "../trpc";
import { forceBuild, forceInput } from "./force";
import { listBuilders, listBuildersInput } from "./list";
import { builderInput, oneBuilder } from "./one";

export const buildersRouter = router({
  list: member.input(listBuildersInput).query(({ ctx, input }) => listBuilders(ctx.org, input)),
  one: member.input(builderInput).query(({ ctx, input }) => oneBuilder(ctx.org, input)),
  force: allowed("force")
    .input(forceInput)
    .mutation(({ ctx, input }) => forceBuild(ctx, ctx.org, input)),
});
