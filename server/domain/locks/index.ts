export * from "./access";
export * from "./lock-book";
