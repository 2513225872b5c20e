export { account } from "./ledger";
export { takePlace } from "./place";
export { loadRoom } from "./room";
