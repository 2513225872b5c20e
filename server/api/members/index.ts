import { allowed, member, router } from "../trpc";
import {
  invite,
  inviteInput,
  removeInput,
  removeMember,
  roleInput,
  setRole,
  withdraw,
  withdrawInput,
} from "./change";
import { listMembers, membersInput } from "./list";

export const membersRouter = router({
  list: member.input(membersInput).query(({ ctx, input }) => listMembers(ctx.org, input)),
  invite: allowed("members")
    .input(inviteInput)
    .mutation(({ ctx, input }) => invite(ctx, ctx.org, input)),
  setRole: allowed("members")
    .input(roleInput)
    .mutation(({ ctx, input }) => setRole(ctx.org, input)),
  remove: allowed("members")
    .input(removeInput)
    .mutation(({ ctx, input }) => removeMember(ctx.org, input)),
  withdraw: allowed("members")
    .input(withdrawInput)
    .mutation(({ ctx, input }) => withdraw(ctx.org, input)),
});
