export {
  type FoundRepository,
  REPOSITORY_PROBLEMS,
  type RefusedRepository,
  type RepositoryAnswer,
  type RepositoryProblem,
} from "./repository-answer";
export {
  isPrivateAddress,
  isPrivateHost,
  type RepositoryUrl,
  readRepositoryUrl,
  repositoryProblem,
} from "./repository-url";
export { revisionLink } from "./revision-link";
