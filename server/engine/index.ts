export {
  type Alarm,
  type ChangesOrder,
  createAlarm,
  fireDue,
  type PollerContext,
  pollAtLaunch,
  pollSource,
  type Recorded,
  recordChanges,
  type TriggersContext,
} from "./changes";
export type { Caller, EngineCommands, ForceOrder, FormOrder, Made } from "./commands";
export { createEngineCommands } from "./commands";
export { type DistributeContext, distribute, distributeToThere } from "./distribute/distribute";
export { whyWaiting } from "./distribute/why";
export { type Builds, createBuilds } from "./execute/builds";
export { endBuilds } from "./latent/end-builds";
export { machineHere } from "./latent/machine-here";
export { machineScope } from "./latent/machine-scope";
export { createStartupLines, type StartupLines } from "./latent/startup-lines";
export {
  adoptWaiting,
  endStopped,
  failWaiting,
  giveUpLost,
  releaseWaiting,
} from "./latent/waiting";
export { declareDeadGone, declareGone, declarePidGone, holdLease, type Lease } from "./lease";
export { LocksMoved } from "./locks/locks-moved";
export { LOCKS } from "./locks/own-locks";
export { giveOut } from "./pools/give-out";
export { poolsDue, type TendContext, tendPools } from "./pools/tend";
export { takeAway } from "./recover/abandon";
export { cancelWaitingForNothing, recoverGone, type SweepContext, sweep } from "./recover/sweep";
