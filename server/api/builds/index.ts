import { allowed, member, router } from "../trpc";
import { rebuild, rebuildInput, stopBuild, stopInput } from "./control";
import { findBuild, findBuildInput } from "./find";
import { buildInput, oneBuild } from "./one";
import { buildPageInput, pageOfBuilds } from "./page";
import { timeline, timelineInput } from "./timeline";

export const buildsRouter = router({
  page: member.input(buildPageInput).query(({ ctx, input }) => pageOfBuilds(ctx.org, input)),
  one: member.input(buildInput).query(({ ctx, input }) => oneBuild(ctx.org, input)),
  find: member.input(findBuildInput).query(({ ctx, input }) => findBuild(ctx.org, input)),
  timeline: member.input(timelineInput).query(({ ctx, input }) => timeline(ctx.org, input)),
  stop: member.input(stopInput).mutation(({ ctx, input }) => stopBuild(ctx, ctx.org, input)),
  rebuild: allowed("rebuild")
    .input(rebuildInput)
    .mutation(({ ctx, input }) => rebuild(ctx, ctx.org, input)),
});
