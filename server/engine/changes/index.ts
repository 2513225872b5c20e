export { type Alarm, createAlarm } from "./alarm";
export { fireDue, type TriggersContext } from "./fire-due";
export { type PollerContext, pollAtLaunch, pollSource } from "./poll-source";
export { type ChangesOrder, type Recorded, recordChanges } from "./record-changes";
