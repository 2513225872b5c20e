export { sealingKey } from "../secrets/seal";
export { type Activated, activateText, ConfigRefused } from "./activate";
export { type Applied, type ApplyOptions, applyConfig, ConfigInvalid } from "./apply";
export { type Checked, type CheckOptions, checkConfig, checkForm, type Target } from "./check";
export { checkAgainst, type Judgement } from "./check-against";
export { checkPools } from "./cross-check-pools";
export { documentSchemas } from "./document-schema";
export { sealedEntry } from "./entry";
export type { Problem } from "./problems";
export type { Documents } from "./schema";
export { secretUsers } from "./secret-users";
export type { ConfigError } from "./source";
export { ConfigStale, type Meanwhile, titleOf } from "./stale";
export { exportConfig, readConfig, readVersions, revisionOf, wholeText } from "./stored";
export {
  findVersion,
  listVersions,
  readVersion,
  rollBack,
  type Version,
  type VersionText,
  versionBefore,
} from "./versions";
export { workerName } from "./worker-schema";
