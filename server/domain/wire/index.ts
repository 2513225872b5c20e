export type * from "./command";
export type * from "./worker";
