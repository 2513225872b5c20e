export type { FleetCommands } from "./commands";
export { createFleetCommands } from "./commands";
export { createSessions, type LiveSession, type Sessions } from "./sessions/sessions";
