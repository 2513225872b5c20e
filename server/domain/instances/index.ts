export * from "./biography";
export * from "./caps";
export * from "./cost";
export * from "./days";
export * from "./judge";
