export { type RepositoryUrl, readRepositoryUrl, repositoryProblem } from "./repository-url";
