import { allowed, member, router } from "../trpc";
import { accountsBeside } from "./accounts";
import {
  stopInput,
  stopInstance,
  stopOrphan,
  stopOrphanInput,
  sweepNow,
  sweepNowInput,
} from "./control";
import { costs, costsInput } from "./costs";
import { limitsInput, limitsOf, setLimits } from "./limits";
import { instancesInput, listInstances } from "./list";
import { buildMachineInput, instanceInput, machineOfBuild, oneInstance } from "./one";
import { listSweeps, sweepsInput } from "./sweeps";

export const instancesRouter = router({
  list: member.input(instancesInput).query(({ ctx, input }) => listInstances(ctx.org, input)),
  one: member.input(instanceInput).query(({ ctx, input }) => oneInstance(ctx.org, input)),
  ofBuild: member
    .input(buildMachineInput)
    .query(({ ctx, input }) => machineOfBuild(ctx.org, input)),
  accounts: member.query(({ ctx }) => accountsBeside(ctx.org)),
  sweeps: member.input(sweepsInput).query(({ ctx, input }) => listSweeps(ctx.org, input)),
  costs: member.input(costsInput).query(({ ctx, input }) => costs(ctx.org, input)),
  limits: member.query(({ ctx }) => limitsOf(ctx.org)),
  setLimits: allowed("limits")
    .input(limitsInput)
    .mutation(({ ctx, input }) => setLimits(ctx, ctx.org, input)),
  stop: allowed("workers")
    .input(stopInput)
    .mutation(({ ctx, input }) => stopInstance(ctx, ctx.org, input)),
  stopOrphan: allowed("workers")
    .input(stopOrphanInput)
    .mutation(({ ctx, input }) => stopOrphan(ctx, ctx.org, input)),
  sweepNow: allowed("workers")
    .input(sweepNowInput)
    .mutation(({ ctx, input }) => sweepNow(ctx, ctx.org, input)),
});
