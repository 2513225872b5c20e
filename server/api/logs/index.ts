import { member, router } from "../trpc";
import { linesInput, logLines } from "./lines";

export const logsRouter = router({
  lines: member.input(linesInput).query(({ ctx, input }) => logLines(ctx.org, input)),
});
