export { asChild, type ChildLink } from "./as-child";
export type { ChildSpec } from "./child-spec";
export { DataDirBusyError } from "./data-dir-lock";
export { type AllOptions, type RunningAll, runAll } from "./run-all";
export { type ProcessGone, Supervisor } from "./supervisor";
