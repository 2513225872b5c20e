import { allowed, member, router } from "../trpc";
import { graphInput, poolGraph } from "./graph";
import { listPools } from "./list";
import { onePool, poolInput } from "./one";
import { steerInput, steerPool } from "./steer";

export const poolsRouter = router({
  list: member.query(({ ctx }) => listPools(ctx.org)),
  one: member.input(poolInput).query(({ ctx, input }) => onePool(ctx.org, input)),
  graph: member.input(graphInput).query(({ ctx, input }) => poolGraph(ctx.org, input)),
  steer: allowed("workers")
    .input(steerInput)
    .mutation(({ ctx, input }) => steerPool(ctx, ctx.org, input)),
});
