export { PendingRequests } from "./pending-requests";
export { Why, WhyCause } from "./why";
