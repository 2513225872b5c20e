import { z } from "zod";
import { revokeToken } from "../../auth/token";
import type { ApiTokenId } from "../../domain/ids";
import { allowed, router } from "../trpc";
import { createTokenInput, newToken } from "./create";
import { listTokens, tokensInput } from "./list";

export const tokensRouter = router({
  list: allowed("tokens")
    .input(tokensInput)
    .query(({ ctx, input }) => listTokens(ctx.org, input)),
  create: allowed("tokens")
    .input(createTokenInput)
    .mutation(({ ctx, input }) => newToken(ctx.org, input, Date.now())),
  revoke: allowed("tokens")
    .input(z.object({ tokenId: z.number().int().positive() }))
    .mutation(({ ctx, input }) =>
      ctx.org.within((tx) => revokeToken(tx, ctx.org.orgId, input.tokenId as ApiTokenId)),
    ),
});
