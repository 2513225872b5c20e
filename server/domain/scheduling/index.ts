export * from "./assign";
export * from "./limited";
export * from "./why";
