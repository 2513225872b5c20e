export { noteArrival } from "./attach";
export { createLatentFleet, type LatentContext, type LatentFleet } from "./drive";
export { installationTag, instanceKey, type MasterAddress } from "./order";
export { sweepLatent } from "./sweep";
export { ensureLatent, type Wanted, want } from "./want";
