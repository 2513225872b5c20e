export { noteArrival } from "./attach";
export { createLatentFleet, type LatentContext, type LatentFleet } from "./drive";
export { endAll, type MachineLeft, machinesLeft } from "./end-all";
export { type FrozenOptions, freezeOptions } from "./frozen-options";
export { installationTag } from "./installation";
export { type DriverAccess, type Opening, openDriver } from "./open-driver";
export { instanceKey, type MasterAddress, type MasterDoors } from "./order";
export { sweepLatent } from "./sweep";
export { ensureLatent, type Wanted, want } from "./want";
