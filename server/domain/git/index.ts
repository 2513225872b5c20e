export {
  isPrivateAddress,
  type RepositoryUrl,
  readRepositoryUrl,
  repositoryProblem,
} from "./repository-url";
export { revisionLink } from "./revision-link";
