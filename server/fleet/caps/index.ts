export { account } from "./ledger";
export { poolHoursSql } from "./meter-sql";
export { takePlace } from "./place";
export { loadRoom } from "./room";
export { type Usage, usageWithin } from "./usage";
