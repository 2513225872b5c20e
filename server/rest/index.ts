export { createRest, METHODS, type Rest, type RestDeps } from "./handle";
export { createNodeHandler } from "./node-handler";
export { restOf } from "./of-process";
export { pathSegments } from "./segments";
