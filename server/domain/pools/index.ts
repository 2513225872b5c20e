export * from "./foresee";
export * from "./judge";
export * from "./limits";
export * from "./options";
export * from "./plan";
