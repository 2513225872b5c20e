import { member, router } from "../trpc";
import { linesInput, logLines } from "./lines";
import { openingInput, openingLine } from "./opening-line";

export const logsRouter = router({
  lines: member.input(linesInput).query(({ ctx, input }) => logLines(ctx.org, input)),
  openingLine: member.input(openingInput).query(({ ctx, input }) => openingLine(ctx.org, input)),
});
