export { faviconOf } from "./favicon";
export * from "./states";
export { Status, StatusIcon, StatusPlate } from "./status-icon";
