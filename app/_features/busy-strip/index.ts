export { BusyStrip, type Day } from "./busy-strip";
