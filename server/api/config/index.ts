import { allowed, router } from "../trpc";
import {
  apply,
  applyInput,
  check,
  currentConfig,
  currentInput,
  textInput,
  vocabulary,
} from "./documents";
import { compare, compareInput, goBack, versionInput, versions, versionsInput } from "./versions";

export const configRouter = router({
  current: allowed("config")
    .input(currentInput)
    .query(({ ctx, input }) => currentConfig(ctx.org, input.target)),
  vocabulary: allowed("config").query(({ ctx }) => vocabulary(ctx.org)),
  check: allowed("config")
    .input(textInput)
    .mutation(({ ctx, input }) => check(ctx, ctx.org, input)),
  activate: allowed("config")
    .input(applyInput)
    .mutation(({ ctx, input }) => apply(ctx, ctx.org, input)),
  versions: allowed("config")
    .input(versionsInput)
    .query(({ ctx, input }) => versions(ctx.org, input)),
  compare: allowed("config")
    .input(compareInput)
    .query(({ ctx, input }) => compare(ctx.org, input)),
  goBack: allowed("config")
    .input(versionInput)
    .mutation(({ ctx, input }) => goBack(ctx, ctx.org, input.id)),
});
