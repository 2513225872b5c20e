export { loadRoom, type Usage, usageWithin } from "./caps";
export type { FleetAction, FleetCommands } from "./commands";
export { createFleetCommands } from "./commands";
export { type DeadlinesContext, fireDeadlines, quarantineAlarm } from "./deadlines";
export {
  createLatentFleet,
  type DriverAccess,
  endAll,
  ensureLatent,
  freezeOptions,
  installationTag,
  type LatentContext,
  type LatentFleet,
  type MachineLeft,
  type MasterAddress,
  type MasterDoors,
  machinesLeft,
  noteArrival,
  openDriver,
  sweepLatent,
  type Wanted,
  want,
} from "./latent";
export type { Mailer, TellContext } from "./mails/tell";
export { tellOfLoss } from "./missing/loss-mails";
export { doorsOpened } from "./missing/watch";
export { noteOverdueStops, noteReached } from "./notices/note";
export { tellNotice } from "./notices/notice-mails";
export { hasPools, loadPools, type Pool, retirePlaces, writeBackOff, writePlan } from "./pools";
export {
  absolve,
  nextQuarantineSeconds,
  type Quarantine,
  quarantine,
  quarantineWorker,
} from "./quarantine/conduct";
export { createHolderQuestions } from "./sessions/holder-questions";
export {
  createSessions,
  type LiveSession,
  type Sessions,
  type SessionsContext,
} from "./sessions/sessions";
export { type AccountSweep, createAccountSweep, SWEEP_SECONDS } from "./sweep";
export { createDriverTests, type DriverTests } from "./try-driver";
