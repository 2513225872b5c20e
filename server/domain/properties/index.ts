export { RenderError, renderText, renderTree, type Scope, type ScopeStamp } from "./render";
export { isRenderable } from "./renderable";
export { isTemplate } from "./template";
export { asText, isTruthy, type JsonValue, type Properties } from "./value";
export {
  buildReferencesIn,
  issuesAsWritten,
  secretsIn,
  templateProblems,
  type WrittenProblem,
} from "./written";
