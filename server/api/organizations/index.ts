import { member, router, signedIn } from "../trpc";
import { createOrganization, createOrganizationInput } from "./create";
import { pulse } from "./pulse";

export const organizationsRouter = router({
  list: signedIn.query(({ ctx }) => ctx.user.memberships),
  current: member.query(({ ctx }) => ({
    slug: ctx.org.slug,
    name: ctx.org.name,
    role: ctx.org.role,
    email: ctx.user.email,
    person: ctx.user.name,
    isAdmin: ctx.user.isAdmin,
    organizations: ctx.user.memberships.map(({ slug, name }) => ({ slug, name })),
  })),
  pulse: member.query(({ ctx }) => pulse(ctx.org)),
  create: signedIn
    .input(createOrganizationInput)
    .mutation(({ ctx, input }) => createOrganization(ctx.runtime.db, ctx.user, input)),
});
