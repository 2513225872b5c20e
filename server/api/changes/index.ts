import { member, router } from "../trpc";
import { buildChanges, buildChangesInput, changePage, changesInput } from "./page";

export const changesRouter = router({
  page: member.input(changesInput).query(({ ctx, input }) => changePage(ctx.org, input)),
  ofBuild: member.input(buildChangesInput).query(({ ctx, input }) => buildChanges(ctx.org, input)),
});
