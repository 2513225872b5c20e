export type * from "./command";
export * from "./keep";
export type * from "./worker";
