import { allowed, member, router } from "../trpc";
import { cancelInput, cancelRequest, priorityInput, setPriority } from "./control";
import { listRequests, requestsInput } from "./list";
import { oneRequest, requestInput } from "./one";

export const requestsRouter = router({
  list: member.input(requestsInput).query(({ ctx, input }) => listRequests(ctx.org, input)),
  one: member.input(requestInput).query(({ ctx, input }) => oneRequest(ctx.org, input)),
  cancel: member
    .input(cancelInput)
    .mutation(({ ctx, input }) => cancelRequest(ctx, ctx.org, input)),
  prioritize: allowed("stop-any")
    .input(priorityInput)
    .mutation(({ ctx, input }) => setPriority(ctx, ctx.org, input)),
});
