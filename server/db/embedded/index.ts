export { locateEmbedded } from "./credentials";
export { identify, isAlive, isSame, type ProcessIdentity } from "./process-identity";
export { type EmbeddedOptions, type EmbeddedPostgres, startEmbedded } from "./start-embedded";
