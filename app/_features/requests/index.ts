export { PendingRequests } from "./pending-requests";
export { Why } from "./why";
