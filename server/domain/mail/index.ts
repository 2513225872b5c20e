export { addressProblem, senderProblem } from "./address";
export type { Letter, Posted } from "./letter";
