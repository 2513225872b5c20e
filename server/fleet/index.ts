export type { FleetCommands } from "./commands";
export { createFleetCommands } from "./commands";
export { createHolderQuestions } from "./sessions/holder-questions";
export {
  createSessions,
  type LiveSession,
  type Sessions,
  type SessionsContext,
} from "./sessions/sessions";
