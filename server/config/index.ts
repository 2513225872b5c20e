export { sealingKey } from "../secrets/seal";
export { type Applied, type ApplyOptions, applyConfig, ConfigInvalid } from "./apply";
export { type Checked, type CheckOptions, checkConfig } from "./check";
export type { Problem } from "./problems";
export { type Documents, workerName } from "./schema";
export { secretUsers } from "./secret-users";
export type { ConfigError } from "./source";
export { exportConfig, readConfig, revisionOf } from "./stored";
