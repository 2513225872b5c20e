import { allowed, router } from "../trpc";
import { apply, applyInput, check, currentConfig, textInput } from "./documents";

export const configRouter = router({
  current: allowed("config").query(({ ctx }) => currentConfig(ctx.org)),
  check: allowed("config")
    .input(textInput)
    .mutation(({ ctx, input }) => check(ctx, input.text)),
  activate: allowed("config")
    .input(applyInput)
    .mutation(({ ctx, input }) => apply(ctx, ctx.org, input)),
});
