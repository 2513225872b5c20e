export { hasPools, loadPools, type Pool } from "./load";
export { retirePlaces } from "./places";
export { writeBackOff, writePlan } from "./write";
