import { allowed, member, router } from "../trpc";
import { graphInput, poolGraph } from "./graph";
import {
  createJoinToken,
  createJoinTokenInput,
  listJoinTokens,
  revokeJoinToken,
  revokeJoinTokenInput,
} from "./join-tokens";
import { listPools } from "./list";
import { onePool, poolInput } from "./one";
import { poolEntryInput, poolKinds, poolSettings, previewPool, savePool } from "./settings";
import { steerInput, steerPool } from "./steer";

export const poolsRouter = router({
  list: member.query(({ ctx }) => listPools(ctx.org)),
  one: member.input(poolInput).query(({ ctx, input }) => onePool(ctx.org, input)),
  graph: member.input(graphInput).query(({ ctx, input }) => poolGraph(ctx.org, input)),
  kinds: allowed("config").query(({ ctx }) => poolKinds(ctx.org)),
  settings: allowed("config")
    .input(poolInput)
    .query(({ ctx, input }) => poolSettings(ctx.org, input)),
  preview: allowed("config")
    .input(poolEntryInput)
    .mutation(({ ctx, input }) => previewPool(ctx, ctx.org, input)),
  save: allowed("config")
    .input(poolEntryInput)
    .mutation(({ ctx, input }) => savePool(ctx, ctx.org, input)),
  joinTokens: allowed("join")
    .input(poolInput)
    .query(({ ctx, input }) => listJoinTokens(ctx, ctx.org, input)),
  createJoinToken: allowed("join")
    .input(createJoinTokenInput)
    .mutation(({ ctx, input }) => createJoinToken(ctx.org, input, Date.now())),
  revokeJoinToken: allowed("join")
    .input(revokeJoinTokenInput)
    .mutation(({ ctx, input }) => revokeJoinToken(ctx.org, input)),
  steer: allowed("workers")
    .input(steerInput)
    .mutation(({ ctx, input }) => steerPool(ctx, ctx.org, input)),
});
