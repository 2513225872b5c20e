import { allowed, router } from "../trpc";
import {
  checkRepository,
  checkRepositoryInput,
  repositoryAnswer,
  repositoryAnswerInput,
} from "./check";

export const repositoriesRouter = router({
  check: allowed("config")
    .input(checkRepositoryInput)
    .mutation(({ ctx, input }) => checkRepository(ctx, ctx.org, input)),
  answer: allowed("config")
    .input(repositoryAnswerInput)
    .query(({ ctx, input }) => repositoryAnswer(ctx.org, input)),
});
