export { createRest, type Rest, type RestDeps } from "./handle";
