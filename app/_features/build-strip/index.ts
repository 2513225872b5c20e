export { BuildStrip } from "./build-strip";
export { type Bar, barState } from "./geometry";
