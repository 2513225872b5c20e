export * from "./advice";
export * from "./common-options";
export * from "./driver-test";
export * from "./failure";
export * from "./next-step";
export * from "./options";
export * from "./state";
