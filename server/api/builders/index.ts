import { allowed, member, router } from "../trpc";
import { forceBuild, forceInput } from "./force";
import { forceByForm, formsOfBuilder, submitFormInput } from "./force-forms";
import { listBuilders, listBuildersInput } from "./list";
import { builderInput, oneBuilder } from "./one";

export const buildersRouter = router({
  list: member.input(listBuildersInput).query(({ ctx, input }) => listBuilders(ctx.org, input)),
  one: member.input(builderInput).query(({ ctx, input }) => oneBuilder(ctx.org, input)),
  forms: member.input(builderInput).query(({ ctx, input }) => formsOfBuilder(ctx.org, input)),
  forceForm: allowed("force")
    .input(submitFormInput)
    .mutation(({ ctx, input }) => forceByForm(ctx, ctx.org, input)),
  force: allowed("force")
    .input(forceInput)
    .mutation(({ ctx, input }) => forceBuild(ctx, ctx.org, input)),
});
