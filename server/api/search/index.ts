import { member, router } from "../trpc";
import { find, findInput } from "./find";

export const searchRouter = router({
  find: member.input(findInput).query(({ ctx, input }) => find(ctx.org, input)),
});
