export type { FleetAction, FleetCommands } from "./commands";
export { createFleetCommands } from "./commands";
export { type DeadlinesContext, fireDeadlines, quarantineAlarm } from "./deadlines";
export { absolve, nextQuarantineSeconds, type Quarantine, quarantine } from "./quarantine/conduct";
export { createHolderQuestions } from "./sessions/holder-questions";
export {
  createSessions,
  type LiveSession,
  type Sessions,
  type SessionsContext,
} from "./sessions/sessions";
