import { z } from "zod";
import { AppError } from "../../domain/errors";
import { secretName, secretValue, secretWarning } from "../../secrets/schema";
import { sealingKey } from "../../secrets/seal";
import { removeSecret, setSecret } from "../../secrets/store";
import type { ApiContext } from "../context";
import { allowed, type OrgScope, router } from "../trpc";
import { secretOverview } from "./overview";

const setInput = z.object({ name: secretName, value: secretValue });
const removeInput = z.object({ name: z.string().max(200) });

async function list(org: OrgScope) {
  const { secrets, missing } = await org.within((tx) => secretOverview(tx, org.orgId));
  return {
    secrets: secrets.map((secret) => ({ ...secret, updatedAt: secret.updatedAt.getTime() })),
    missing,
  };
}

async function set(ctx: ApiContext, org: OrgScope, input: z.output<typeof setInput>) {
  const key = sealingKey(ctx.runtime.env.secretKey);
  const outcome = await org.within((tx) => setSecret(tx, key, org.caller, input));
  return { outcome, warning: secretWarning(input.value) };
}

async function remove(org: OrgScope, name: string): Promise<void> {
  const isGone = await org.within((tx) => removeSecret(tx, org.caller, name));
  if (!isGone) throw new AppError("request.not-found", { what: "secret" });
}

export const secretsRouter = router({
  list: allowed("secrets").query(({ ctx }) => list(ctx.org)),
  set: allowed("secrets")
    .input(setInput)
    .mutation(({ ctx, input }) => set(ctx, ctx.org, input)),
  remove: allowed("secrets")
    .input(removeInput)
    .mutation(({ ctx, input }) => remove(ctx.org, input.name)),
});
