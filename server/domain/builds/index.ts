export * from "./result";
export * from "./state";
