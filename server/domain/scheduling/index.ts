export * from "./assign";
export * from "./why";
